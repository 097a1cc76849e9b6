"""Where artifacts come from, read from their manifests."""

import json
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from arabic_llm_pipeline.artifacts.store import Store, describe, write_manifest
from arabic_llm_pipeline.datasets.provenance import Provenance


def make(
    folder: Path,
    entry: str,
    text: str,
    inputs: dict[str, Any],
    version: str = "2.1.0",
    experiment: str | None = "default",
) -> str:
    """An artifact as a run leaves it; returns its content."""
    store = Store(folder / entry)
    new = store.folder / ".new"
    new.mkdir(parents=True)
    (new / "file.txt").write_text(text, encoding="utf-8")
    found = describe(new)
    fingerprint = (entry.encode().hex() + text.encode().hex() + "0" * 64)[:64]
    origin = {"versions": {"polars": version}, "machine": {"machine": "x86_64"}}
    about = {"fingerprint": fingerprint, "node": f"make_{entry[3:]}", "inputs": inputs, "seed": 0, "resumed": []}
    write_manifest(new, about | found | {"origin": origin})
    place = store.publish(new, about | found)
    if experiment:
        store.point(experiment, place)
    return str(found["content"])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    documents = make(root, "03/documents", "نص", {"source_files": "abc", "params:text": "def"}, "1.30.0")
    adapter = make(root, "06/adapter", "weights", {"documents": documents, "params:sft": "0"})
    make(root, "07/comparison", "{}", {"adapter": adapter, "documents": documents})
    make(root, "07/unrelated", "{}", {})
    return root


def test_all_that_it_was_made_from_is_found(data: Path) -> None:
    found = Provenance(path=str(data), experiment="default", of=["comparison"]).load()
    assert list(found["artifacts"]) == ["adapter", "comparison", "documents"]
    assert found["artifacts"]["adapter"]["layer"] == "06"
    assert found["artifacts"]["adapter"]["node"] == "make_adapter"
    assert found["experiment"] == "default"
    assert found["origins"] == {"machine": {"machine": ["x86_64"]}, "versions": {"polars": ["1.30.0", "2.1.0"]}}
    json.dumps(found)


def test_what_was_used_counts_not_what_is_linked_now(data: Path) -> None:
    before = Provenance(path=str(data), experiment="default", of=["adapter"]).load()
    make(data, "03/documents", "another text", {})
    assert Provenance(path=str(data), experiment="default", of=["adapter"]).load() == before


def test_another_experiment_has_its_own(data: Path) -> None:
    make(data, "07/comparison", "other", {}, experiment="b03")
    found = Provenance(path=str(data), experiment="b03", of=["comparison"]).load()
    assert list(found["artifacts"]) == ["comparison"]
    assert found["experiment"] == "b03"


def test_nothing_made_yet_is_no_error(tmp_path: Path) -> None:
    found = Provenance(path=str(tmp_path), experiment="default", of=["comparison"]).load()
    assert found == {"experiment": "default", "artifacts": {}, "origins": {}}


def test_it_is_read_only_and_tells_no_folder(tmp_path: Path) -> None:
    entry = Provenance(path=str(tmp_path), experiment="default", of=["comparison"])
    assert str(tmp_path) not in str(entry._describe())
    with pytest.raises(DatasetError, match="written by the artifacts"):
        entry.save({})

"""Entries of kedro-datasets in artifacts: written, read, and shown by kedro viz."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arabic_llm_pipeline.artifacts import FileArtifact

FRAME = {"a": [1, 2, 3], "b": ["س", "ص", "ع"]}


def entry(folder: Path, file: str, **dataset: Any) -> FileArtifact:
    return FileArtifact(path=str(folder / "entry" / "default"), file=file, dataset=dataset)


def polars_frame() -> Any:
    import polars as pl

    return pl.DataFrame(FRAME)


def pandas_frame() -> Any:
    import pandas as pd

    return pd.DataFrame(FRAME)


def figure() -> Any:
    from matplotlib.figure import Figure

    found = Figure()
    found.add_subplot().plot([1, 2])
    return found


PARQUET, CSV = ({"type": "polars.EagerPolarsDataset", "file_format": kind} for kind in ("parquet", "csv"))
KINDS = {
    "json": (lambda: {"a": ["س"]}, "x.json", {"type": "json.JSONDataset"}, "JSONPreview"),
    "polars parquet": (polars_frame, "x.parquet", PARQUET, "TablePreview"),
    "polars csv": (polars_frame, "x.csv", CSV, "TablePreview"),
    "pandas parquet": (pandas_frame, "x.parquet", {"type": "pandas.ParquetDataset"}, "TablePreview"),
    "text": (lambda: "<p>س</p>", "x.html", {"type": "text.TextDataset"}, None),
    "matplotlib": (figure, "x.png", {"type": "matplotlib.MatplotlibDataset"}, "ImagePreview"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_written_read_and_shown(tmp_path: Path, kind: str) -> None:
    make, file, dataset, preview = KINDS[kind]
    artifact, data = entry(tmp_path, file, **dataset), make()
    artifact.save(data)
    assert (tmp_path / "entry/default" / file).stat().st_size
    if kind != "matplotlib":  # written only
        found = artifact.load()
        assert found.equals(data) if hasattr(found, "equals") else found == data
    if preview is None:
        assert not hasattr(artifact, "preview")
    else:
        annotation = inspect.signature(artifact.preview).return_annotation
        assert getattr(annotation, "__name__", annotation) == preview
        assert artifact.preview()


def test_a_table_is_shown_as_json(tmp_path: Path) -> None:
    """Kedro Viz sends it as JSON, which has neither arrays nor NaN."""
    import polars as pl

    artifact = entry(tmp_path, "x.parquet", **PARQUET)
    artifact.save(pl.DataFrame({"lists": [["س"], [], None], "numbers": [1, None, 3], "struct": [{"a": [1]}] * 3}))
    shown = json.loads(json.dumps(artifact.preview(), allow_nan=False))
    assert shown["data"] == [[["س"], 1.0, {"a": [1]}], [[], None, {"a": [1]}], [None, 3.0, {"a": [1]}]]


def test_kedro_viz_shows_it(tmp_path: Path) -> None:
    pytest.importorskip("kedro_viz")
    from kedro_viz.models.flowchart.node_metadata import DataNodeMetadata
    from kedro_viz.models.flowchart.nodes import GraphNode

    artifact = entry(tmp_path, "x.csv", **CSV)
    artifact.save(polars_frame())
    node = GraphNode.create_data_node("id", "entry", None, set(), artifact, set())
    shown = DataNodeMetadata(data_node=node)
    assert shown.preview_type == "TablePreview"
    assert shown.preview["data"][0] == [1, "س"]
    assert shown.filepath.endswith("entry/default/x.csv")


def test_how_it_is_read_counts_for_who_reads_it(tmp_path: Path) -> None:
    artifact = entry(tmp_path, "x.csv", **CSV)
    artifact.save(polars_frame())
    other = entry(tmp_path, "x.csv", **CSV, load_args={"n_rows": 1})
    assert len(other.load()) == 1
    assert other.key(other.current()) != artifact.key(artifact.current())


def test_the_room_is_light_to_import() -> None:
    script = (
        "import sys, arabic_llm_pipeline.artifacts, arabic_llm_pipeline.artifacts.hooks;"
        "from arabic_llm_pipeline.artifacts import FileArtifact as F;"
        "F(path='x/y', file='z', dataset={'type': 'pandas.ParquetDataset'});"
        "print(sorted({'pandas', 'numpy', 'polars', 'torch', 'matplotlib', 'pyarrow', 'h5py'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PATH": ""}
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip().endswith("[]")

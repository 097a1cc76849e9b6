"""Which base model it is, and what is refused as one."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.training.base import base_path, resolve_base


def test_the_embedded_base(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ModelSettings()
    found = resolve_base(settings, settings.directory(project))
    assert found["kind"] == "embedded"
    assert found["parameters"] == 11_546_880
    assert (found["model_type"], found["dtype"]) == ("qwen2", "BF16")
    weights = project / found["path"] / "model.safetensors"
    assert found["files"]["model.safetensors"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert {"config.json", "tokenizer.json", "chat_template.jinja"} <= set(found["files"])
    assert str(project) not in json.dumps(found)
    monkeypatch.chdir(project / "src")
    assert base_path(found) == weights.parent


def test_its_card_names_licence_and_makers(project: Path) -> None:
    card = (project / "data/01_raw/models/tiny_arabic_qwen2/README.md").read_text(encoding="utf-8")
    assert all(name in card for name in ("CC BY-SA 4.0", "Wikipedia authors", "GU-CLASP", "11,546,880"))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("embedded", "data/01_raw/models/tiny_arabic_qwen2"),
        ("mine", "mine"),
        ("./theirs", "theirs"),
        ("data/06_models/pretrained_model/default", "data/06_models/pretrained_model/default"),
        ("Qwen/Qwen2-1.5B", None),
        ("gpt2", None),
    ],
)
def test_a_name_is_a_directory_or_one_on_the_hub(tmp_path: Path, name: str, place: str | None) -> None:
    (tmp_path / "mine").mkdir()
    found = ModelSettings(name=name).directory(tmp_path)
    assert found == (tmp_path / place if place else None)


def without(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def with_config(**changes: object) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        path = directory / "config.json"
        config = {**json.loads(path.read_text(encoding="utf-8")), **changes}
        path.write_text(
            json.dumps({key: value for key, value in config.items() if value is not None}), encoding="utf-8"
        )

    return change


def pickled(directory: Path) -> None:
    (directory / "model.safetensors").unlink()
    (directory / "pytorch_model.bin").write_bytes(b"code")


def truncated(directory: Path) -> None:
    path = directory / "model.safetensors"
    os.truncate(path, path.stat().st_size - 100)


def lacking_a_shard(directory: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002.safetensors"}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def no_json(directory: Path) -> None:
    (directory / "config.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("config.json"), "no config.json"),
        (no_json, "no JSON"),
        (with_config(auto_map={"AutoModel": "x.y"}), "code that comes with it"),
        (
            with_config(quantization_config={"quant_method": "gptq", "bits": 4}),
            r"quantised by gptq, .* original is wanted",
        ),
        (with_config(quantization_config={"quant_method": "awq"}), "quantised by awq"),
        (with_config(is_encoder_decoder=True), "encoder-decoder"),
        (with_config(vision_config={}), r"multimodal \(vision_config\)"),
        (with_config(model_type=None), "no model_type"),
        (with_config(architectures=["BertForMaskedLM"]), "BertForMaskedLM, not a causal language model"),
        (pickled, "pytorch_model.bin, which is not loaded"),
        (without("model.safetensors"), "no weights in safetensors"),
        (truncated, "damaged"),
        (lacking_a_shard, "lacks model-00002.safetensors"),
    ],
)
def test_what_is_refused(base_directory: Path, tmp_path: Path, change: Callable[[Path], None], words: str) -> None:
    directory = tmp_path / "model"
    shutil.copytree(base_directory, directory)
    resolve_base(ModelSettings(name="./model"), directory)
    change(directory)
    with pytest.raises(UserError, match=words):
        resolve_base(ModelSettings(name="./model"), directory)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.name=\./none: there is no folder"):
        resolve_base(ModelSettings(name="./none"), tmp_path / "none")
    with pytest.raises(UserError, match="Run from the project's folder"):
        base_path({"name": "x", "path": "nowhere/at/all", "hub": None})


def test_a_model_of_the_hub_is_fetched_without_code(
    base_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub is played by a folder named after the commit, as its cache has it."""
    asked = []

    def fetch(name: str, **options: object) -> str:
        asked.append((name, options))
        shutil.copytree(base_directory, tmp_path / "0123abcd", dirs_exist_ok=True)
        return str(tmp_path / "0123abcd")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    found = resolve_base(ModelSettings(name="owner/model", revision="v1"), None)
    assert (found["kind"], found["hub"], found["revision"], found["path"]) == ("hub", "owner/model", "0123abcd", None)
    assert base_path(found) == tmp_path / "0123abcd"
    (first, options), (_, again) = asked
    assert (first, options["revision"], again["revision"]) == ("owner/model", "v1", "0123abcd")
    assert again["local_files_only"] is True
    assert not [pattern for pattern in options["allow_patterns"] if pattern.endswith((".py", ".bin", "*"))]


def test_an_unreachable_hub_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def fail(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no connection\nand a long story")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(
        UserError, match=r"owner/model \(revision main\) cannot be fetched from the hub: no connection\. "
    ):
        resolve_base(ModelSettings(name="owner/model"), None)

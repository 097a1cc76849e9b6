"""What is known of a stage: what is there, and counts by content."""

import json
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.artifacts.digests import Memory
from arabic_llm_pipeline.artifacts.file import FileArtifact
from arabic_llm_pipeline.artifacts.outside import external_key
from arabic_llm_pipeline.datasets.facts import Facts


def keep(folder: Path, name: str, experiment: str, value: object) -> None:
    path = str(folder / "07_model_output" / name / experiment)
    FileArtifact(path=path, file=f"{name}.json", dataset={"type": "json.JSONDataset"}).save(value)


def test_what_is_there_is_told_and_counts(tmp_path: Path) -> None:
    facts = Facts(path=str(tmp_path), experiment="mine", of=["sft_scores", "base_scores"])
    memory = Memory(tmp_path / "digests.json")
    assert (facts.load(), facts.exists()) == ({}, True)
    keys = [external_key(facts, memory)]
    keep(tmp_path, "sft_scores", "other", {"a": 1})
    assert facts.load() == {}, "another experiment's"
    for value in (1, 2):
        keep(tmp_path, "sft_scores", "mine", {"a": value})
        assert facts.load() == {"sft_scores": {"a": value}}
        keys.append(external_key(facts, memory))
    assert len(set(keys)) == 3
    assert None not in keys
    assert json.dumps(facts._describe())


def test_a_table_is_its_rows(tmp_path: Path) -> None:
    path = str(tmp_path / "07_model_output" / "sft_language" / "mine")
    dataset = {"type": "polars.EagerPolarsDataset", "file_format": "parquet"}
    FileArtifact(path=path, file="language.parquet", dataset=dataset).save(pl.DataFrame({"a": [1, None]}))
    facts = Facts(path=str(tmp_path), experiment="mine", of=["sft_language"])
    assert facts.load() == {"sft_language": [{"a": 1}, {"a": None}]}
    assert external_key(facts, Memory(tmp_path / "digests.json")) is not None

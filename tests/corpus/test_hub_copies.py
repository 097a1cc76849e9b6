"""Local copies of Hugging Face data sets, by YAML alone: as `save_to_disk` leaves them, and as the hub has them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from arabic_llm_pipeline.corpus import ingest as room
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.datasets.sources import SourceFiles
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.sources import Sources

ROWS = [
    {"question": f"سؤال {n}", "answers": {"text": [f"ج{n}"], "answer_start": [0]}, "kind": n % 2} for n in range(50)
]
TALKS = [
    {"messages": [{"role": "user", "content": f"س{n}"}, {"role": "assistant", "content": f"ج{n}"}]} for n in range(30)
]


def read(root: Path, entry: str, work: Path) -> dict[str, list[dict[str, Any]]]:
    """The tables that a source of this YAML gives."""
    sources, files = Sources.model_validate({"hub": yaml.safe_load(entry)}), SourceFiles()
    files.bind(root, {name: source.paths for name, source in sources.chosen().items()})
    found = room.source_files(sources, files.load())
    made = room.ingest(found, IngestSettings(), EngineSettings(processes=1), work)
    return {table: ShardSet(path).scan().collect().to_dicts() for table, path in made.items()}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What `datasets` itself writes: two splits of several files, with a class label; and what a map leaves behind."""
    from datasets import ClassLabel, Dataset, DatasetDict

    rows = Dataset.from_list(ROWS).cast_column("kind", ClassLabel(names=["رأي", "خبر"]))
    parts = {"train": rows.select(range(40)), "test": rows.select(range(40, 50))}
    DatasetDict(parts).save_to_disk(str(tmp_path / "saved"), num_shards={"train": 3, "test": 1})
    (tmp_path / "saved/train/cache-0.arrow").write_bytes(b"left over")
    return tmp_path


def test_a_saved_data_set(saved: Path, tmp_path: Path) -> None:
    entry = """
        {format: arrow, path: saved/train/data-*.arrow, licence: unknown, record: question_answering,
         columns: {question: question, answers: answers.text}, use: training}"""
    documents = read(saved, entry, tmp_path / "work")["documents"]
    assert [[turn["content"] for turn in row["messages"]] for row in documents] == [
        [row["question"], row["answers"]["text"][0]] for row in ROWS[:40]
    ]


def test_a_split_of_it_by_its_classes(saved: Path, tmp_path: Path) -> None:
    entry = """
        {format: arrow, path: saved/test/data-*.arrow, licence: unknown, record: classification, split: test,
         columns: {text: question, label: kind}, labels: {0: رأي, 1: خبر}, use: evaluation, task: kind}"""
    items = read(saved, entry, tmp_path / "work")["items"]
    assert [(row["answers"][0], row["split"]) for row in items] == [("رأي" if n % 2 == 0 else "خبر", "test")
                                                                   for n in range(10)]  # fmt: skip


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_snapshot_of_the_hub(tmp_path: Path, form: str) -> None:
    """A README and other files lie beside the data; they are in no one's way."""
    from datasets import Dataset

    data = tmp_path / "snapshot" / "data"
    data.mkdir(parents=True)
    (data.parent / "README.md").write_text("---\nlicense: mit\n---\n# Talks\n", encoding="utf-8")
    (data.parent / ".gitattributes").write_text("*.parquet filter=lfs\n", encoding="utf-8")
    table, path = Dataset.from_list(TALKS), data / f"train-00000-of-00001.{form}"
    if form == "parquet":
        table.to_parquet(path)
    else:
        table.to_json(path, force_ascii=False)
    entry = f"{{format: {form}, path: snapshot/**/train*.{form}, licence: MIT, shape: messages}}"
    documents = read(tmp_path, entry, tmp_path / "work")["documents"]
    assert [row["messages"] for row in documents] == [row["messages"] for row in TALKS]

"""A new data set needs YAML and no code: nine public ones of different shapes, by tests/conf/shapes alone.

What the records hold is compared with the files as the standard library reads them.
"""

import csv
import gzip
import json
import lzma
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from arabic_llm_pipeline.corpus import ingest as room
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.datasets.sources import SourceFiles
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.sources import Sources

OPEN = {".gz": gzip.open, ".xz": lzma.open, ".tsv": open}


def read_text(path: Path) -> Any:
    return OPEN[path.suffix](path, "rt", encoding="utf-8", newline="")


@pytest.fixture(scope="module")
def found(shared_data: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The tables of a seeded sample of each set."""
    given = yaml.safe_load((project / "tests/conf/shapes/parameters.yml").read_text(encoding="utf-8"))
    sources, entry = Sources.model_validate(given["sources"]), SourceFiles()
    entry.bind(shared_data, {name: source.paths for name, source in sources.chosen().items()})
    files, work = room.source_files(sources, entry.load()), tmp_path_factory.mktemp("shapes")
    made = room.ingest(files, IngestSettings(), EngineSettings(processes=1), work)
    return {table: ShardSet(path).scan().collect() for table, path in made.items()}


def of(found: dict[str, pl.DataFrame], table: str, source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a source, with the number that their ids end in."""
    for row in found[table].filter(source=source).iter_rows(named=True):
        number = row["id"].rpartition("/")[2].partition("~")[0]
        yield int(number) if number.isdecimal() else -1, row


def said(row: dict[str, Any]) -> list[str]:
    return [turn["content"] for turn in row.get("messages") or row["prompt"]]


def test_every_set_gives_its_sample(found: dict[str, pl.DataFrame]) -> None:
    counts = Counter((table, source) for table in found for source in found[table]["source"] if table != "rejects")
    tables = {"news": "documents", "levantine": "documents", "tatoeba": "documents", "aqad": "items", "mmlu": "items"}
    tables |= {"tunizi": "items", "commonsense": "pairs", "masc": "feedback"}
    assert counts == {(table, name): 60 for name, table in tables.items()} | {
        ("documents", "trees"): 60, ("pairs", "trees"): 60,
    }  # fmt: skip
    assert Counter(found["rejects"]["reason"]) == {"empty_text": 2, "unknown_label": 2}
    assert all(table["id"].is_unique().all() for name, table in found.items() if name != "rejects")


def test_news_as_prose(found: dict[str, pl.DataFrame], shared_data: Path) -> None:
    with read_text(shared_data / "saudinewsnet/saudinewsnet.jsonl.xz") as file:
        rows = [json.loads(line) for line in file]
    for number, row in of(found, "documents", "news"):
        assert (said(row), row["title"]) == ([rows[number]["content"]], rows[number]["title"])
        assert (row["kind"], row["dialect"]) == ("prose", "MSA")


def test_questions_with_and_without_an_answer(found: dict[str, pl.DataFrame], shared_data: Path) -> None:
    with read_text(shared_data / "aqad/aqad_v1.json.xz") as file:
        known = {
            (str(asked["id"]), asked["question"].strip(), paragraph["context"]): asked
            for topic in json.load(file)["data"]
            for paragraph in topic["paragraphs"]
            for asked in paragraph["qas"]
        }
    for number, row in of(found, "items", "aqad"):
        [prompt] = said(row)
        [asked] = [one for (name, text, context), one in known.items()
                   if name == str(number) and context == row["passage"] and prompt.endswith(text)]  # fmt: skip
        answers = [] if asked["is_impossible"] else [answer["text"].strip() for answer in asked["answers"]]
        assert row["answers"] == list(dict.fromkeys(answers))
    empty = found["items"].filter(source="aqad")["answers"].list.len() == 0
    assert 10 < empty.sum() < 35  # a third of the whole


def test_choices_by_letter(found: dict[str, pl.DataFrame], shared_data: Path) -> None:
    with read_text(shared_data / "mmlu_arabic/dev.csv.gz") as file:
        rows = list(csv.DictReader(file))
    for number, row in of(found, "items", "mmlu"):
        right = rows[number]
        assert row["answers"] == [right[right["answer"]].strip()]
        assert row["family"] == right["subject"]
        assert said(row)[0].startswith(right["question"].strip())


def test_classes_in_latin_letters(found: dict[str, pl.DataFrame], shared_data: Path) -> None:
    with read_text(shared_data / "tunizi/TUNIZI-Dataset.txt.gz") as file:
        lines = {tuple(line.strip().split(";", 1)) for line in file}
    for _, row in of(found, "items", "tunizi"):
        text = said(row)[0].partition("\n\n")[2]
        assert ({"إيجابي": "1", "سلبي": "-1"}[row["answers"][0]], text) in {(y, t.strip()) for y, t in lines}


def test_translations_each_way(found: dict[str, pl.DataFrame], shared_data: Path) -> None:
    with read_text(shared_data / "tatoeba/tatoeba.ara-eng.tsv") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    ways = Counter()
    for number, row in of(found, "documents", "tatoeba"):
        arabic, english = lines[number // 2]
        asked, answered = said(row)
        back = number % 2
        assert asked.endswith(f":\n{english if back else arabic}")
        assert answered == (arabic if back else english)
        ways[back] += 1
    assert min(ways.values()) > 15


def test_judged_reviews(found: dict[str, pl.DataFrame], shared_data: Path) -> None:
    with read_text(shared_data / "masc/masc.jsonl.gz") as file:
        judged = {row["Text"]: row["Polarity"][0].casefold() == "p" for row in map(json.loads, file)}
    assert all(row["label"] == judged[row["completion"]] for _, row in of(found, "feedback", "masc"))

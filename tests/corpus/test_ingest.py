import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import ingest as room
from arabic_llm_pipeline.corpus import workers
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.datasets.sources import SourceFiles
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.sources import Sources
from tests.corpus.making import contents, lines

TEXT = {"format": "text", "licence": "CC0"}


def run(root: Path, sources: dict, workspace: Path, processes: int = 1, **settings):
    parsed = Sources.model_validate(sources)
    entry = SourceFiles()
    entry.bind(root, {name: source.paths for name, source in parsed.chosen().items()})
    files = room.source_files(parsed, entry.load())
    engine = EngineSettings(processes=processes, rows_per_shard=settings.pop("rows_per_shard", 1000))
    return {
        table: ShardSet(path)
        for table, path in room.ingest(files, IngestSettings(**settings), engine, workspace).items()
    }


@pytest.fixture
def root(tmp_path) -> Path:
    """Three sources: text in two files, dirty JSON lines, pairs."""
    raw = tmp_path / "raw"
    (raw / "a").mkdir(parents=True)
    (raw / "a" / "1.txt").write_text("\n".join(f"سطر {n}" for n in range(250)), encoding="utf-8")
    (raw / "a" / "2.txt.gz").write_bytes(gzip.compress("\n".join(f"آخر {n}" for n in range(100)).encode()))
    dirty = [lines({"t": f"نص {n}"}) for n in range(20)]
    dirty[3:3] = [b'{"t": ', b'{"t": "\xff"}', b"[]", b'{"t": 3}', b'{"u": "x"}', b'{"t": "' + b"x" * 2000 + b'"}']
    (raw / "dirty.jsonl").write_bytes(b"\n".join(dirty))
    (raw / "pairs.jsonl").write_bytes(lines(*({"p": f"س{n}", "c": "ج", "r": "د"} for n in range(30))))
    return raw


SOURCES = {
    "lines": TEXT | {"path": "a/*", "dialect": "EGY"},
    "dirty": {"format": "jsonl", "licence": "CC0", "path": "dirty.jsonl", "columns": {"text": "t"}},
    "pairs": {
        "format": "jsonl", "licence": "CC0", "path": "pairs.jsonl", "record": "pair",
        "columns": {"prompt": "p", "chosen": "c", "rejected": "r"}, "split": "test",
    },
}  # fmt: skip


def test_everything_read_is_kept_or_rejected(root, tmp_path):
    found = run(root, SOURCES, tmp_path / "w", max_line_mb=0.001, max_reject_ratio=0.3, rows_per_shard=100)
    documents, rejects = found["documents"].scan().collect(), found["rejects"].scan().collect()
    assert documents["source"].to_list() == ["dirty"] * 20 + ["lines"] * 350
    assert [path.name for path in found["documents"].paths] == [f"shard-0000{n}.parquet" for n in range(4)]
    assert documents["id"].n_unique() == 370
    assert documents.filter(source="lines")["id"][[0, 249, 250]].to_list() == ["lines/1/0", "lines/1/249", "lines/2/0"]
    assert set(documents.filter(source="lines")["dialect"]) == {"EGY"}
    assert (found["pairs"].rows(), found["items"].rows()) == (30, 0)
    assert rejects.select("file", "place", "reason").rows() == [
        ("dirty.jsonl", place, reason)
        for place, reason in zip(
            range(4, 10),
            ["broken_json", "invalid_utf8", "missing_column", "wrong_type", "missing_column", "line_too_long"],
            strict=True,
        )
    ]


def test_one_process_and_two_give_the_same_bytes(root, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "SMALL", 0)
    for processes in (1, 2):
        run(root, SOURCES, tmp_path / str(processes), processes, max_line_mb=0.001, max_reject_ratio=0.3)
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert one == two
    assert one


def test_too_many_rejects_stop_the_run(root, tmp_path):
    with pytest.raises(UserError) as error:
        run(root, SOURCES, tmp_path / "w", max_line_mb=0.001, max_reject_ratio=0.2)
    text = str(error.value)
    assert "Source dirty: 6 of 26 records" in text
    assert "missing_column: 2, such as dirty.jsonl:6" in text
    assert "ingest.max_reject_ratio" in text


def test_what_is_left_out_by_rule_is_no_reject(tmp_path, caplog):
    tree = {"prompt": {"message_id": "1", "role": "prompter", "text": "Hi", "lang": "en", "replies": []}}
    (tmp_path / "t.jsonl").write_bytes(lines(tree, tree, tree))
    sources = {"trees": {"format": "oasst", "licence": "CC0", "path": "t.jsonl", "languages": ["ar"]}}
    found = run(tmp_path, sources, tmp_path / "w", max_reject_ratio=0.0)
    assert found["rejects"].scan().collect()["reason"].to_list() == ["other_language"] * 3
    assert "trees gives no record: {'other_language': 3}" in caplog.text


def test_limit_holds_for_all_files_of_a_source(root, tmp_path):
    sources = SOURCES | {"lines": SOURCES["lines"] | {"limit": 300}, "dirty": None}
    found = run(root, sources, tmp_path / "w")
    ids = found["documents"].scan().collect()["id"]
    assert (len(ids), ids[-1]) == (300, "lines/2/49")


def test_a_file_that_was_read_is_not_read_again(root, tmp_path):
    first = contents(run(root, SOURCES, tmp_path / "w", max_line_mb=0.001, max_reject_ratio=0.3)["documents"].directory)
    (tmp_path / "w" / "parts" / "00002" / "counts.json").unlink()  # as if killed while that one was read
    (root / "a" / "1.txt").write_text("لا يقرأ", encoding="utf-8")  # part 1
    again = contents(run(root, SOURCES, tmp_path / "w", max_line_mb=0.001, max_reject_ratio=0.3)["documents"].directory)
    assert first == again


def test_missing_files_are_named(root, tmp_path):
    sources = Sources.model_validate({"gone": TEXT | {"path": ["no/*.txt", "neither.txt"]}})
    with pytest.raises(UserError, match=r"Source gone: there is no no/\*.txt, neither.txt in "):
        room.source_files(sources, FoundFiles(root, {"gone": []}))
    with pytest.raises(UserError, match=r"there is no no.txt in .* change sources.gone.path or data_root"):
        run(root, {"gone": TEXT | {"path": ["a/*", "no.txt"]}}, tmp_path / "w")


def test_no_reject_is_lost_and_no_surrogate_stops_the_writing(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps([{"t": "\ud83d"}, {"t": "س" * 10}]), encoding="utf-8")
    sources = {"x": {"format": "json", "licence": "CC0", "path": "x.json", "columns": {"text": "t"}}}
    found = run(tmp_path, sources, tmp_path / "w", max_reject_ratio=1.0)
    assert found["documents"].rows() + found["rejects"].rows() == 2


def test_paths_are_relative_wherever_the_data_lies(root, tmp_path):
    Path(root).rename(tmp_path / "elsewhere")
    found = run(tmp_path / "elsewhere", SOURCES, tmp_path / "w", max_line_mb=0.001, max_reject_ratio=0.3)
    assert set(found["rejects"].scan().select(pl.col("file")).collect()["file"]) == {"dirty.jsonl"}

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import ingest as room
from arabic_llm_pipeline.corpus import workers
from arabic_llm_pipeline.corpus.duplicates import find
from arabic_llm_pipeline.corpus.sampling import Lowest
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.datasets.sources import SourceFiles
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
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


@pytest.fixture
def many(tmp_path) -> Path:
    """Three files with 300 rows, some of which no record can be made of."""
    (tmp_path / "many").mkdir()
    for name, begin in (("b", 0), ("a", 100), ("c", 200)):
        rows = ({"i": n, "t": f"نص {n}" if n % 10 else None} for n in range(begin, begin + 100))
        (tmp_path / "many" / f"{name}.jsonl").write_bytes(lines(*rows))
    return tmp_path


def sampled(root: Path, workspace: Path, processes: int = 1, **fields) -> dict[str, ShardSet]:
    source = {"format": "jsonl", "licence": "CC0", "path": "many/*", "columns": {"text": "t", "id": "i"}}
    return run(root, {"many": source | fields}, workspace, processes)


def test_a_sample_is_of_the_lowest_hashes_over_all_files(many, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "SMALL", 0)

    def lowest(place: tuple[str, int]) -> int:
        return int.from_bytes(hashlib.blake2b(f"7/many/{place[0]}.jsonl/{place[1]}".encode(), digest_size=8).digest())

    places = {(name, n): begin for name, begin in (("a", 100), ("b", 0), ("c", 200)) for n in range(90)}
    wanted = [str(places[name, n] + n // 9 * 10 + n % 9 + 1) for name, n in sorted(places, key=lowest)[:40]]
    found = sampled(many, tmp_path / "1", limit=40, seed=7)
    names = found["documents"].scan().collect()["id"].to_list()
    assert sorted(names) == sorted(f"many/{name}" for name in wanted)
    assert (
        [name.removeprefix("many/")[:-2] for name in names]
        == sorted(  # files by name, lines in their order
            (name.removeprefix("many/")[:-2] for name in names), key=lambda hundred: "102".index(hundred or "0")
        )
    )
    assert found["rejects"].rows() == 30
    sampled(many, tmp_path / "2", 2, limit=40, seed=7)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    more = sampled(many, tmp_path / "3", limit=90, seed=7)["documents"].scan().collect()["id"]
    assert set(names) < set(more)
    other = sampled(many, tmp_path / "4", limit=40, seed=8)["documents"].scan().collect()["id"]
    assert len(set(names) & set(other)) < 20
    assert sampled(many, tmp_path / "5", limit=1000, seed=7)["documents"].rows() == 270


def test_a_sample_of_each_kind_of_record(tmp_path):
    shutil.copy(Path(__file__).parents[2] / "data/01_raw/oasst/2023-04-12_oasst_ready.trees.jsonl.gz", tmp_path)
    source = {"format": "oasst", "licence": "CC0", "path": "*.gz", "languages": ["ar"], "pairs": True}
    found = run(tmp_path, {"t": source | {"limit": 9, "seed": 1}}, tmp_path / "w")
    assert (found["documents"].rows(), found["pairs"].rows()) == (9, 9)


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 20))
def test_what_is_not_among_the_lowest_so_far_never_will_be(draws: list[int], size: int) -> None:
    lowest = Lowest(size)
    kept = [drawn for drawn in draws if lowest.take(drawn)]
    assert sorted(kept)[:size] == sorted(draws)[:size]


def test_ids_that_come_again_are_told_apart(tmp_path, caplog):
    caplog.set_level("INFO")
    for name, ids in (("a", [1, 2, 1, None]), ("b", [2, 1, 3])):
        (tmp_path / f"{name}.jsonl").write_bytes(lines(*({"i": i, "t": f"{name} {n}"} for n, i in enumerate(ids))))
    source = {"format": "jsonl", "licence": "CC0", "path": "*.jsonl", "columns": {"text": "t", "id": "i"}}
    found = run(tmp_path, {"s": source}, tmp_path / "w")["documents"].scan().collect()
    assert found["id"].to_list() == ["s/1", "s/2", "s/1~2", "s/a/3", "s/2~2", "s/1~3", "s/3"]
    assert "3 records have an id that an earlier one of their source has, such as s/1" in caplog.text


def test_files_of_one_name_have_ids_of_their_own(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.txt").write_text(f"نص {folder}", encoding="utf-8")
    found = run(tmp_path, {"s": TEXT | {"path": "*/test.txt"}}, tmp_path / "w")["documents"].scan().collect()
    assert found["id"].to_list() == ["s/x/test/0", "s/y/test/0"]


def test_the_lower_rank_comes_first_then_the_name(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("نص واحد في ثلاثة مصادر", encoding="utf-8")
    ranks = {"a": 2, "b": 1, "c": 1}
    sources = {name: TEXT | {"path": f"{name}.txt", "rank": rank} for name, rank in ranks.items()}
    tables = run(tmp_path, sources, tmp_path / "w")
    assert tables["documents"].scan().collect()["source"].to_list() == ["b", "c", "a"]
    del tables["rejects"]
    verdicts = find(tables, DuplicatesSettings(), SplitsSettings(dev=0, test=0), 1, tmp_path)
    assert verdicts.select("row", "stays_row", "reason").rows() == [(1, 0, "duplicate"), (2, 0, "duplicate")]


def test_languages_by_column_and_by_script(tmp_path):
    rows = [
        {"t": "نص عربي", "l": "ar"}, {"t": "نص مصري", "l": "arz"}, {"t": "متن فارسی", "l": "fa"},
        {"t": "نص", "l": "ar-EG"}, {"t": "نص بلا لغة"}, {"t": "English text, with نص in it"}, {"t": "123"},
    ]  # fmt: skip
    (tmp_path / "x.jsonl").write_bytes(lines(*rows))
    source = {"format": "jsonl", "licence": "CC0", "path": "x.jsonl", "columns": {"text": "t", "lang": "l"}}
    found = run(tmp_path, {"s": source | {"languages": ["ar"]}}, tmp_path / "w")
    texts = found["documents"].scan().collect()["messages"].list.first().struct.field("content")
    assert texts.to_list() == [rows[n]["t"] for n in (0, 3, 4, 6)]
    assert found["rejects"].scan().collect()["place"].to_list() == [2, 3, 6]
    english = run(tmp_path, {"s": source | {"languages": ["en", "fa"]}}, tmp_path / "e")["documents"].scan().collect()
    assert english["lang"].to_list() == ["fa", None, None, None]  # a script tells no languages apart

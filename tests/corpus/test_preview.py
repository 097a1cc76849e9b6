"""The records that the preview of the corpus shows."""

from collections import Counter

import polars as pl

from arabic_llm_pipeline.corpus import duplicates, preview
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.corpus.shards import ShardSet, map_shards
from arabic_llm_pipeline.corpus.splits import Splitting
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.report import PreviewSettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import document, feedback, item, pair, shards

FEW = PreviewSettings(rows_per_reason=3, kept_per_dialect=2, characters=40)
RECORDS = {
    "documents": [
        *(document(f"{n}", f"نصّـــ رقم {n} في الجدول الأول", dialect="EGY" if n % 3 else "MSA") for n in range(30)),
        *(document(f"short{n}", "<b>قصير</b>", source="web" if n % 2 else "s", dialect="MSA") for n in range(20)),
        document("again", "نص رقم 7 في الجدول الأول", dialect="MSA"),
    ],
    "pairs": [pair(str(n), f"سؤال {n}؟", f"جـــواب {n}", "غيره", dialect="MSA") for n in range(5)],
    "feedback": [feedback("1", "سؤال؟", "جـــواب", True, dialect="MSA")],
    "items": [item("1", "سؤال آخر؟", "نعم", choices=["نعم", "لا"], passage="فقرة", dialect="MSA", split="test")],
}
REJECTS = [
    {"source": "s", "file": "f.jsonl", "place": n, "reason": "invalid_json", "excerpt": f"{{{n}"} for n in range(9)
]


def made(tmp_path, per_shard: int, settings=FEW, seed=0, processes=1) -> pl.DataFrame:
    """The line from records that were read to the rows that are shown."""
    ingested = {
        table: shards(tmp_path / "in" / table, table, *rows, per_shard=per_shard) for table, rows in RECORDS.items()
    }

    def step(kind, name, found):
        return {t: ShardSet(map_shards(kind(t), found[t], tmp_path / name / t, 1)) for t in found}

    cleaned = step(lambda table: Cleaning(table, TextSettings(), FilterSettings()), "clean", ingested)
    splits = SplitsSettings(dev=0, test=0)
    verdicts = duplicates.find(cleaned, DuplicatesSettings(), splits, 1, tmp_path)
    verdicts.write_parquet(tmp_path / "verdicts.parquet")
    final = step(lambda table: Splitting(table, tmp_path / "verdicts.parquet", splits), "split", cleaned)
    final["rejects"] = shards(tmp_path / "rejects", "rejects", *REJECTS, per_shard=per_shard)
    return preview.make(ingested, final, verdicts, settings, seed, processes)


def said(messages) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in messages]


def test_so_many_of_each_table_source_and_reason(tmp_path):
    found = made(tmp_path, 100)
    assert found.schema == preview.ROWS
    groups = Counter(found.select("table", "source", "reason").iter_rows())
    assert groups == {
        ("documents", "s", None): 4,  # two of each dialect
        ("documents", "s", "duplicate"): 1,
        ("documents", "s", "too_short"): 3,
        ("documents", "web", "too_short"): 3,
        ("pairs", "s", None): 2,
        ("items", "s", None): 1,
        ("feedback", "s", None): 1,
        ("rejects", "s", "invalid_json"): 3,
    }
    assert found.select("table", "id").n_unique() == len(found)
    counts = {
        tuple(row[:3]): row[3] for row in found.filter(rank=0).select("table", "source", "reason", "of").iter_rows()
    }
    assert counts["documents", "web", "too_short"] == 10
    assert counts["rejects", "s", "invalid_json"] == 9
    kept = found.filter(pl.col("reason").is_null(), rank=0, table="documents")
    assert dict(kept.select("dialect", "of").iter_rows()) == {"MSA": 10, "EGY": 20}


def test_before_and_after_are_of_the_same_record(tmp_path):
    found = made(tmp_path, 4)
    kept = found.filter(pl.col("reason").is_null(), table="documents")
    assert len(kept) == 4
    for row in kept.iter_rows(named=True):
        number = row["id"].removeprefix("s/")
        assert said(row["before"]) == [("document", f"نصّـــ رقم {number} في الجدول الأول")]
        assert said(row["after"]) == [("document", f"نصّ رقم {number} في الجدول الأول")]
    pairs = found.filter(table="pairs").row(0, named=True)
    assert [role for role, _ in said(pairs["before"])] == ["user", "chosen", "rejected"]
    assert (said(pairs["before"])[1][1][:6], said(pairs["after"])[1][1][:4]) == ("جـــوا", "جواب")
    items = found.filter(table="items").row(0, named=True)
    roles = [("user", "سؤال آخر؟"), ("passage", "فقرة"), ("choice", "نعم"), ("choice", "لا"), ("answer", "نعم")]
    assert said(items["after"]) == roles
    reject = found.filter(table="rejects").row(0, named=True)
    place = reject["id"].removeprefix("f.jsonl:")
    assert (said(reject["after"]), reject["before"]) == ([("excerpt", f"{{{place}")], None)


def test_a_duplicate_shows_what_stays_for_it(tmp_path):
    row = made(tmp_path, 8).filter(reason="duplicate").row(0, named=True)
    assert (row["id"], row["stays_id"], row["stays_source"], row["value"]) == ("s/again", "s/7", "s", 1.0)
    assert said(row["stays"]) == [("document", "نصّ رقم 7 في الجدول الأول")]


def test_the_sample_is_the_seeds_alone(tmp_path):
    one = made(tmp_path / "1", 100)
    assert one.equals(made(tmp_path / "2", 7))
    assert one["id"].to_list() != made(tmp_path / "3", 100, seed=1)["id"].to_list()
    none = made(tmp_path / "4", 100, PreviewSettings(rows_per_reason=0, kept_per_dialect=0))
    assert none.equals(preview.ROWS.to_frame())


def test_long_messages_and_long_conversations_are_cut(tmp_path):
    many = document("1", "") | {"kind": "conversation", "messages": [{"role": "user", "content": "ن" * 999}] * 40}
    step = preview.Reading("documents", {0: [0]}, 50)
    [messages] = step(shards(tmp_path, "documents", many).scan(), 0).collect()["messages"].to_list()
    assert [len(one["content"]) for one in messages] == [50] * preview.TURNS

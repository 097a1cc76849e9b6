"""The funnel counts what stands in the texts, whether cleaning has counted it or not."""

import polars as pl

from arabic_llm_pipeline.arabic import measure
from arabic_llm_pipeline.corpus import funnel
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import document, instruction, pair, shards

CALL = "اتصل بنا على 0501234567 في أي وقت تشاء"
TEXT = "إلى أين تمضي القرى؟\n\nهذا نصّ عن القرى"


def counted(frame, table):
    found = funnel.Counting(table)(frame.lazy(), 0).collect()
    return found.select(pl.col(funnel.SUMS).sum()).to_dicts()[0]


def by_hand(texts):
    found = [measure.measures(pl.Series([text], dtype=pl.String))[0] for text in texts]
    return {"rows": len(texts)} | {name: sum(one[name] or 0 for one in found) for name in funnel.SUMS[1:]}


def test_documents_before_and_after_cleaning_with_masks(tmp_path):
    rows = [
        document("1", CALL),
        document("2", TEXT),
        instruction("3", TEXT, CALL),
        document("4", " "),
        document("5", ""),
    ]
    read = shards(tmp_path, "documents", *rows).scan().collect()
    cleaned = Cleaning("documents", TextSettings(), FilterSettings())(read.lazy(), 0).collect()
    for frame in (read, cleaned):
        texts = ["\n".join(turn["content"] for turn in turns) for turns in frame["messages"]]
        assert counted(frame, "documents") == by_hand(texts)
    assert sum("[رقم هاتف]" in text for text in texts) == 2  # or the counts of cleaning would do for all


def test_what_cleaning_counted_is_not_counted_again(tmp_path):
    read = shards(tmp_path, "documents", document("1", TEXT)).scan()
    cleaned = Cleaning("documents", TextSettings(), FilterSettings())(read, 0).collect()
    other = cleaned.with_columns(pl.col("quality").struct.with_fields(words=pl.lit(1_000, pl.Int32)))
    assert counted(other, "documents")["words"] == 1_000


def test_tables_without_counts_of_their_own(tmp_path):
    frame = shards(tmp_path, "pairs", pair("1", TEXT, CALL, "لا")).scan().collect()
    assert counted(frame, "pairs") == by_hand([f"{TEXT}\n{CALL}\nلا"])

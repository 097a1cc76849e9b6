"""Sets as they are upstream; they do not come with the project."""

import polars as pl

from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.parameters.preprocess import FilterSettings, TextSettings
from tests.corpus.making import read, reasons, said, shards


def test_oasst_trees_and_nested_messages_are_the_same(shared_data):
    trees = read(shared_data / "oasst_sample_en" / "en_100_tree.jsonl.gz", format="oasst", pairs=True)
    messages = read(shared_data / "oasst_sample_en" / "en_100_message.jsonl.gz", format="oasst", pairs=True)
    assert len(trees["documents"]) == 100
    assert not trees["rejects"]
    assert said(trees) == said(messages)
    assert all(len(turns) >= 2 and len(turns) % 2 == 0 for turns in said(trees))
    assert len(trees["pairs"]) > 100
    assert trees["pairs"] == messages["pairs"]
    filtered = read(shared_data / "oasst_sample_en" / "en_100_tree.jsonl.gz", format="oasst", languages=["ar"])
    assert [reason for _, reason in reasons(filtered)] == ["other_language"] * 100


def test_wikipedia_of_egypt(shared_data, tmp_path):
    path = shared_data / "wiki_arz" / "wiki_arz.jsonl.xz"
    found = read(path, format="wikipedia", limit=2000)
    assert (len(found["documents"]), found["rejects"]) == (2000, [])
    frame = shards(tmp_path, "documents", *found["documents"]).scan()
    clean = Cleaning("documents", TextSettings(), FilterSettings())(frame, 0).collect()
    kept = clean.filter(pl.col("reason").is_null())
    assert len(kept) > 1700
    shares = dict(kept["dialect"].value_counts(normalize=True).rows())
    assert shares["EGY"] > 0.5


def test_commonsense_pairs(shared_data):
    found = read(
        shared_data / "commonsense_pairs_ar" / "Train.txt.gz",
        format="tsv", record="pair", columns={"id": "id", "first": "sent1", "second": "sent2", "label": "label"},
        chosen={"0": "second", "1": "first"}, template="أي الجملتين معقولة؟",
    )  # fmt: skip
    assert (len(found["pairs"]), found["rejects"]) == (10_000, [])
    first = found["pairs"][0]
    assert (first["id"], first["chosen"], first["rejected"]) == (
        "s/0",
        "سكب الحليب على حبوبه.",
        "سكب عصير البرتقال على حبوبه.",
    )


def test_najiz_instructions(shared_data, tmp_path):
    found = read(
        shared_data / "najiz_faq" / "najiz_faq.jsonl.gz",
        format="jsonl", record="instruction", columns={"instruction": "question", "output": "ground_truth"},
    )  # fmt: skip
    assert (len(found["documents"]), found["rejects"]) == (1147, [])
    frame = shards(tmp_path, "documents", *found["documents"]).scan()
    clean = Cleaning("documents", TextSettings(), FilterSettings())(frame, 0).collect()
    assert clean["reason"].null_count() == 1147
    assert clean["dialect"].value_counts(sort=True)["dialect"][0] == "MSA"


def test_a_bactrian_record(shared_data):
    found = read(shared_data / "bactrian_x_schema" / "ar_example.jsonl", format="bactrian_x")
    assert (found["documents"][0]["id"], found["rejects"]) == ("s/alpaca-41997", [])
    assert len(said(found)[0]) == 2


def test_choices_of_mmlu(shared_data):
    found = read(
        shared_data / "mmlu_arabic" / "dev.csv.gz",
        format="csv", record="item", task="mmlu", first_label="A",
        columns={"prompt": "question", "choices": ["A", "B", "C", "D"], "label": "answer", "family": "subject"},
    )  # fmt: skip
    assert (len(found["items"]), found["rejects"]) == (285, [])
    assert all(row["answers"] == [row["choices"][row["label"]]] for row in found["items"])
    assert len({row["family"] for row in found["items"]}) == 57

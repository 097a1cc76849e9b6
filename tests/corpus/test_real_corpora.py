"""Sets as they are upstream; they do not come with the project."""

import gzip
import json
from collections import Counter, defaultdict
from itertools import combinations

import polars as pl

from arabic_llm_pipeline.corpus import duplicates
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.corpus.records import RECORDS
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import read, reasons, said, shards
from tests.corpus.test_near import likeness, shingled


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


def test_every_ending_of_the_oasst_trees(shared_data):
    """Against a walk that knows nothing of ranks: every answer below which no question is answered ends one."""
    path = shared_data / "oasst_sample_en" / "en_100_tree.jsonl.gz"

    def endings(message):
        answered = [again for reply in message["replies"] for again in reply["replies"]]
        below = [end for again in answered for end in endings(again)]
        return below or [message["message_id"]]

    with gzip.open(path, "rt", encoding="utf-8") as file:
        prompts = [json.loads(line)["prompt"] for line in file]
    wanted = {f"s/{one['message_id']}-{end}" for one in prompts for answer in one["replies"] for end in endings(answer)}
    found = read(path, format="oasst", branches="all")
    assert len(found["documents"]) == len(wanted) > 100
    assert {row["id"] for row in found["documents"]} == wanted
    best = said(read(path, format="oasst"))
    assert all(turns in said(found) for turns in best[:20])


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


def test_near_duplicates_among_news_are_those_of_an_index_of_shingles(shared_data, tmp_path):
    path = shared_data / "saudinewsnet" / "saudinewsnet.jsonl.xz"
    rows = read(path, format="jsonl", columns={"text": "content"}, limit=2500)["documents"]
    texts = [row["messages"][0]["content"] for row in rows]
    tables = {
        name: shards(tmp_path / name, name, *(rows if name == "documents" else []), per_shard=900) for name in RECORDS
    }
    found = duplicates.find(tables, DuplicatesSettings(exact=False), SplitsSettings(dev=0, test=0), 1, tmp_path)
    stays = {s * 900 + r: n * 900 + m for s, r, n, m in found.select("shard", "row", "stays_shard", "stays_row").rows()}
    assert set(found["reason"]) == {"near_duplicate"}
    assert all(likeness(texts[one], texts[other]) >= 0.8 for one, other in stays.items())
    sets, places = [shingled(text, 5) for text in texts], defaultdict(list)
    for n, own in enumerate(sets):
        for shingle in own:
            places[shingle].append(n)
    shared = Counter(both for rows in places.values() for both in combinations(rows, 2))
    alike = [(a, b) for (a, b), n in shared.items() if n / (len(sets[a]) + len(sets[b]) - n) >= 0.8]
    assert len(alike) > 20
    missed = [(a, b) for a, b in alike if a not in stays and b not in stays]
    assert len(missed) <= 0.1 * len(alike)  # candidates at 0.8 are 92 in 100


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

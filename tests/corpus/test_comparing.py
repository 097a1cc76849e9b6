"""Duplicates, contamination and splits, and the funnel that tells of them."""

import hashlib
from collections import Counter

import polars as pl
import pytest

from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean
from arabic_llm_pipeline.corpus import duplicates, funnel
from arabic_llm_pipeline.corpus.keys import hashed
from arabic_llm_pipeline.corpus.shards import ShardSet, map_shards
from arabic_llm_pipeline.corpus.splits import Splitting
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from tests.corpus.making import document, feedback, instruction, item, pair, shards

SHARES = SplitsSettings(dev=0.2, test=0.2)
LONG = "اذكر ثلاثة أشياء تحملها معك دائما إذا سافرت إلى الجنوب في الشتاء"


def by_hand(text: str, seed: int = 0) -> str:
    digest = hashlib.blake2b(clean(text, MATCHING_KEY).encode(), digest_size=16, key=str(seed).encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    return "dev" if share < SHARES.dev else "test" if share < SHARES.dev + SHARES.test else "train"


def training(text: str) -> str:
    """The text with so many words before it that its hash falls into train."""
    return next(t for n in range(100) if by_hand(t := f"{text} {'و' * n}".strip()) == "train")


def compared(tmp_path, documents=(), pairs=(), items=(), feedback=(), per_shard=3, seed=0, processes=1, **settings):
    tables = {"documents": documents, "pairs": pairs, "items": items, "feedback": feedback}
    made = {table: shards(tmp_path / table, table, *rows, per_shard=per_shard) for table, rows in tables.items()}
    shares = SHARES.model_copy(update={"seed": seed})
    verdicts = duplicates.find(made, DuplicatesSettings(**settings), shares, processes, tmp_path)
    assert verdicts.schema == duplicates.VERDICTS
    path = tmp_path / "verdicts.parquet"
    verdicts.write_parquet(path)
    return {
        table: ShardSet(map_shards(Splitting(table, path, shares), made[table], tmp_path / "out" / table, 1))
        for table in tables
    }


def dropped(found: ShardSet) -> dict[str, str]:
    return dict(found.scan().filter(pl.col("reason").is_not_null()).select("id", "reason").collect().rows())


def test_hash_is_blake2b():
    frame = pl.DataFrame({"t": ["نص", None, ""]}).select(h=hashed(pl.col("t"), "7"))
    assert frame["h"].to_list() == [
        hashlib.blake2b("نص".encode(), digest_size=16, key=b"7").digest(),
        None,
        hashlib.blake2b(b"", digest_size=16, key=b"7").digest(),
    ]


def test_the_first_of_equals_stays(tmp_path):
    texts = ["نص أول", "إلى المدرسة.", "غيره", "إِلَى الـمدرسه", "الى المدرسة!", "نص أول", "نص أول"]
    rows = [document(str(n), text, reason="too_short" if n == 5 else None) for n, text in enumerate(texts)]
    found = compared(tmp_path, rows, exact=True)["documents"]
    assert dropped(found) == {"s/3": "duplicate", "s/4": "duplicate", "s/5": "too_short", "s/6": "duplicate"}
    assert dropped(compared(tmp_path / "x", rows, exact=False)["documents"]) == {"s/5": "too_short"}


def test_what_is_measured_on_stays_before_its_copy(tmp_path):
    text = training("نص في التدريب وفي الاختبار")
    found = compared(tmp_path, [document("0", text), document("1", text, split="test")])["documents"]
    assert dropped(found) == {"s/0": "duplicate"}


def test_same_question_same_split(tmp_path):
    rows = [instruction(f"{n}-{k}", f"ما رقم {n}؟", f"جواب {k}") for n in range(60) for k in range(2)]
    asked = [item(f"{n}", f"ما رقم {n}", "x") for n in range(60)]
    found = compared(tmp_path, rows, items=asked, contamination=False)
    splits = found["documents"].scan().select("id", "split").collect()
    for n in range(60):
        assert {split for name, split in splits.rows() if name.startswith(f"s/{n}-")} == {by_hand(f"ما رقم {n}؟")}
    assert dict(found["items"].scan().select("id", "split").collect().rows()) == {
        f"s/{n}": by_hand(f"ما رقم {n}") for n in range(60)
    }
    assert set(splits["split"]) == {"train", "dev", "test"}


def test_shares_and_seeds(tmp_path):
    rows = [document(str(n), f"نص فيه رقم {n}") for n in range(2000)]
    one = compared(tmp_path / "1", rows, per_shard=500)["documents"].scan().collect()["split"]
    two = compared(tmp_path / "2", rows, per_shard=500, seed=1)["documents"].scan().collect()["split"]
    for found in (one, two):
        counts = Counter(found)
        assert counts["dev"] == pytest.approx(400, abs=70)
        assert counts["test"] == pytest.approx(400, abs=70)
    assert 0.3 < (one != two).mean() < 0.8  # 0.56 expected
    assert one.to_list() == [by_hand(f"نص فيه رقم {n}") for n in range(2000)]


def test_a_split_that_the_source_brings_wins(tmp_path):
    found = compared(tmp_path, [document(str(n), f"نص {n}", split="dev") for n in range(9)])["documents"]
    assert set(found.scan().collect()["split"]) == {"dev"}


def test_pairs_are_split_by_prompt_and_better_answer(tmp_path):
    rows = [pair(f"{n}-{k}", "سؤال واحد", f"جواب {n}", f"غيره {k}") for n in range(60) for k in range(3)]
    found = compared(tmp_path, pairs=[*rows, rows[0] | {"id": "s/again"}])["pairs"]
    splits = found.scan().select("id", "split").collect().rows()
    for n in range(60):
        assert {split for name, split in splits if name.startswith(f"s/{n}-")} == {by_hand(f"سؤال واحد\nجواب {n}")}
    assert {split for _, split in splits} == {"train", "dev", "test"}
    assert dropped(found) == {"s/again": "duplicate"}


def test_feedback_is_compared_and_split_as_pairs_are(tmp_path):
    rows = [feedback(f"{n}", "سؤال واحد", f"جواب {n}", n % 2 == 0) for n in range(60)]
    held = next(row for row in rows if by_hand(f"سؤال واحد\n{row['completion']}") == "test")
    again = [
        rows[3] | {"id": "s/again"},
        rows[3] | {"id": "s/otherwise", "label": True},  # somebody else's judgement
        held | {"id": "s/taught", "label": not held["label"], "split": "train"},
    ]
    quotes = feedback("quotes", training(f"سألني: {LONG}؟"), "جواب", True, split="train")
    frame = compared(tmp_path, items=[item("1", LONG, "ع", split="test")], feedback=[*rows, *again, quotes])["feedback"]
    assert dropped(frame) == {"s/again": "duplicate", "s/taught": "in_evaluation", "s/quotes": "in_evaluation"}
    for name, split in frame.scan().select("id", "split").collect().rows()[:60]:
        assert split == by_hand(f"سؤال واحد\nجواب {name.removeprefix('s/')}")


def test_near_feedback_is_found_where_it_is_asked_for(tmp_path):
    text = " ".join(f"كلمة{n}" for n in range(80))
    rows = [
        feedback("1", "اكتب", text, True, split="train"),
        feedback("2", "اكتب", f"{text} أخيرة", True, split="train"),
    ]
    assert dropped(compared(tmp_path, feedback=rows)["feedback"]) == {}
    scoped = compared(tmp_path / "scoped", feedback=rows, near={"scope": ["feedback"]})
    assert dropped(scoped["feedback"]) == {"s/2": "near_duplicate"}


def test_training_records_that_ask_what_is_asked_in_the_test(tmp_path):
    short = training("ما عاصمة البلد البعيد")
    documents = [
        instruction("same", short + "؟", "س"),
        instruction("held", short, "ص", split="dev"),
        instruction("other", training(f"{short} الآخر الكبير"), "س"),
        document("quotes", training(f"كتب المعلم: {LONG}! ثم خرج")),
        document("part", training(f"كتب: {LONG}ات كثيرة")),
        document("quotes_short", training(f"سألني: {short}؟ فلم أجب عن شيء")),
    ]
    better = next(text for n in range(100) if by_hand(f"{LONG}\n{(text := 'قلم ' * n + 'وكتاب')}") == "train")
    pairs = [
        pair("same", LONG, better, "لا"),
        pair("held", LONG, "نعم", "لا", split="test"),
        pair("twin", "سؤال آخر", "جواب", "غيره", split="train"),
        pair("twin_held", "سؤال آخر", "جواب", "شيء", split="test"),
        pair("other", "سؤال آخر", "جواب ثان", "غيره", split="train"),
    ]
    items = [
        item("1", short, "س", split="test"),
        item("2", LONG, "ع", split="dev"),
        item("3", training("سؤال للتدريب"), "ع"),
    ]
    found = compared(tmp_path, documents, pairs, items)
    assert dropped(found["documents"]) == {
        "s/same": "in_evaluation", "s/quotes": "in_evaluation", "s/part": "overlaps_evaluation",
    }  # fmt: skip
    assert dropped(found["pairs"]) == {"s/same": "in_evaluation", "s/twin": "in_evaluation"}
    assert dropped(found["items"]) == {}
    found = compared(tmp_path / "off", documents, pairs, items, contamination=False)
    assert [dropped(one) for one in found.values()] == [{}] * 4
    found = compared(tmp_path / "low", documents, pairs, items, min_prompt_words=4)
    assert "s/quotes_short" in dropped(found["documents"])


def test_verdicts_say_by_what_and_for_whom(tmp_path):
    """Who measures on it, who stays for it, and the value: words of the prompt, the Jaccard index, 1 for equal ones."""
    words = [f"كلمة{n}" for n in range(60)]
    near = " ".join([*words[:59], "غيرها"])
    tables = {
        "documents": [
            document("0", " ".join(words), source="a", split="train"),
            document("1", " ".join(words), source="b", split="train"),
            document("2", near, source="c", split="train"),
            document("3", f"كتب المعلم: {LONG}! ثم خرج", source="d", split="train"),
            instruction("4", "سؤال قصير", "ج", source="e", split="train"),
            document("5", near + " وأخرى", source="f", split="test"),
        ],
        "pairs": [],
        "items": [
            item("1", LONG, "ع", source="exam", split="test"),
            item("2", "سؤال قصير", "ع", source="quiz", split="dev"),
        ],
    }
    made = {table: shards(tmp_path / table, table, *rows) for table, rows in tables.items()}
    verdicts = duplicates.find(made, DuplicatesSettings(), SHARES, 1, tmp_path)
    found = {source: row for source, *row in verdicts.select("source", "reason", "value", "stays_source").rows()}

    def likeness(one, other):
        a, b = ({tuple(text.split()[n : n + 5]) for n in range(len(text.split()) - 4)} for text in (one, other))
        return len(a & b) / len(a | b)

    assert found == {
        "a": ["near_evaluation", pytest.approx(likeness(" ".join(words), near + " وأخرى")), "f"],
        "b": ["duplicate", 1.0, "f"],  # of the first, which goes for a third: so the third stays for both
        "c": ["near_evaluation", pytest.approx(likeness(near, near + " وأخرى")), "f"],
        "d": ["in_evaluation", len(LONG.split()), "exam"],
        "e": ["in_evaluation", 2, "quiz"],
    }
    path = tmp_path / "verdicts.parquet"
    verdicts.write_parquet(path)
    final = map_shards(Splitting("documents", path, SHARES), made["documents"], tmp_path / "out", 1)
    gone = ShardSet(final).scan().filter(pl.col("reason").is_not_null()).select("source", "value").collect()
    assert dict(gone.rows()) == pytest.approx({source: row[1] for source, row in found.items()})


def test_no_question_of_the_training_data_is_asked_in_dev_or_test(tmp_path):
    rows = [
        instruction(f"{n}", f"ما رقم {n % 40}؟", f"جواب {n}", split=("test" if n % 7 == 0 else None))
        for n in range(200)
    ]
    frame = compared(tmp_path, rows, per_shard=64)["documents"].scan().filter(pl.col("reason").is_null()).collect()
    asked = frame.select("split", asked=pl.col("messages").list.first().struct.field("content"))
    parts = {split: set(asked.filter(split=split)["asked"]) for split in ("train", "dev", "test")}
    assert parts["train"]
    assert not parts["train"] & (parts["dev"] | parts["test"])


def test_items_differ_by_their_choices(tmp_path):
    rows = [
        item("1", "أي هذه؟", "أ", choices=["أ", "ب"]),
        item("2", "أي هذه؟", "أ", choices=["أ", "ج"]),
        item("3", "أي هذه؟", "أ", choices=["أ", "ب"]),
    ]
    assert dropped(compared(tmp_path, items=rows)["items"]) == {"s/3": "duplicate"}


def test_the_funnel_adds_up(tmp_path):
    documents = [
        document("1", "نص أول هنا", dialect="MSA"),
        document("2", "نص أول هنا", source="z"),
        document("3", "قصير", reason="too_short"),
    ]
    pairs = [pair("1", "س", "ج", "د")]
    judged = [feedback(str(n), "س", "ج", label) for n, label in enumerate([True, True, False])]
    final = compared(tmp_path, documents, pairs, feedback=judged)
    fresh = {
        name: [row | {"reason": None} for row in rows]
        for name, rows in {"documents": documents, "pairs": pairs, "items": [], "feedback": judged}.items()
    }
    ingested = {table: shards(tmp_path / "ingested" / table, table, *rows) for table, rows in fresh.items()}
    bad = [
        {"source": "s", "file": "f", "place": n, "reason": r, "excerpt": ""}
        for n, r in enumerate(["spam", "broken_json"])
    ]
    found = funnel.make(ingested, final, shards(tmp_path / "rejects", "rejects", *bad), 1)
    rows = {(r["records"], r["step"], r["source"], r["outcome"], r["reason"]): r for r in found.to_dicts()}
    assert rows[None, "ingest", "s", "left_out", "spam"]["rows"] == 1
    assert rows[None, "ingest", "s", "rejected", "broken_json"]["rows"] == 1
    assert rows["documents", "clean", "s", "dropped", "too_short"]["words"] == 1
    assert rows["documents", "compare", "z", "dropped", "duplicate"]["words"] == 3
    assert rows["feedback", "compare", "s", "dropped", "duplicate"]["rows"] == 1
    assert rows["documents", "split", "s", "kept", None] | {"split": ""} == {
        "records": "documents", "step": "split", "source": "s", "dialect": "MSA", "script": None, "split": "",
        "outcome": "kept",
        "reason": None, "rows": 1, "words": 3, "characters": 10, "merged_words": 1,
    }  # fmt: skip
    check_sums(found)
    table = funnel.shares(found, "dialect")
    assert table.filter(records="documents").select("dialect", "rows", "share_of_rows").rows() == [("MSA", 1, 1.0)]


def check_sums(found: pl.DataFrame) -> None:
    """What a step keeps is what the next one has, by table and source."""
    for _, part in found.filter(pl.col("records").is_not_null()).group_by("records", "source"):
        kept = None
        for step in funnel.STEPS:
            rows = part.filter(step=step)
            assert kept is None or rows["rows"].sum() == kept
            kept = rows.filter(outcome="kept")["rows"].sum()

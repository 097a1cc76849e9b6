"""A corpus, its funnel and its tokens as a run would leave them, made by hand."""

from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet, shard_name


def fertility_table() -> pl.DataFrame:
    """Two tokenizers on two views; vocalised texts take three times the tokens."""
    rows = [
        {"tokenizer": name, "view": view, "group": group, "texts": 40, "words": 1000, "whole_words": 400}
        | {"tokens": tokens, "characters": 6000, "bytes": 11_000, "unknown": 0, "part_tokens": 3}
        | {"marked_words": 50, "torn_words": 20, "tokens_per_word": tokens / 1000}
        | {"characters_per_token": 6000 / tokens, "bytes_per_token": 11_000 / tokens}
        for name, factor in (("own", 1), ("qwen", 2))
        for view, group, tokens in (
            ("text", "all", 2000 * factor), ("text", "vocalised", 6000 * factor), ("text", "MSA", 2100 * factor),
            ("without diacritics", "all", 1900 * factor), ("without diacritics", "vocalised", 2000 * factor),
        )
    ]  # fmt: skip
    return pl.DataFrame(rows)


def token_summary() -> dict[str, Any]:
    documents = {
        "documents": 5000,
        "tokens": 204_211,
        "loss_tokens": 61_003,
        "longest": 2210,
        "split_prose": 31,
        "truncated": 2,
        "tokens_per_word": 2.31,
        "bytes_per_token": 4.62,
    }
    pairs = {
        "pairs": 900,
        "prompt_tokens": 18_021,
        "chosen_tokens": 8_022,
        "rejected_tokens": 3_020,
        "longest": 51,
        "cut": 0,
    }
    by = {
        "by_source": {"bactrian": documents, "wikipedia": documents},
        "by_dialect": {"MSA": documents},
        "by_kind": {"prose": documents},
    }
    return {
        "documents": {split: {"window": 256, "all": documents, **by} for split in ("dev", "test", "train")},
        "pairs": {
            split: {"window": 256, "max_prompt": 128, "left_out": 0, "all": pairs} for split in ("train", "test")
        },
    }


def shards(folder: Path, rows: list[dict[str, Any]], schema: pl.Schema) -> ShardSet:
    folder.mkdir(parents=True)
    pl.DataFrame(rows, schema=schema).write_parquet(folder / shard_name(0))
    return ShardSet(folder)


def document(name: str, text: str, reason: str | None = None, source: str = "wikipedia") -> dict[str, Any]:
    return {
        "id": f"{source}/{name}",
        "source": source,
        "kind": "prose",
        "messages": [{"role": "document", "content": text}],
        "reason": reason,
    }


BEFORE = "<p>اللغــــة العربية&nbsp;لغةٌ ساميّة، يكتبها الناس من اليمين إلى اليسار. انظر https://x.org</p>\n\n\n\nنصّ ثانٍ."
AFTER = "اللغة العربية لغةٌ ساميّة، يكتبها الناس من اليمين إلى اليسار. انظر\n\nنصّ ثانٍ."
KEPT = {  # source -> table -> dialect -> rows by split
    "bactrian": {"documents": {"MSA": (3000, 20, 10), "EGY": (900, 10, 5), "GLF": (1000, 8, 9)}},
    "dirty_web": {"documents": {"MSA": (20, 0, 0), "unknown": (11, 0, 0)}},
    "items_test": {"items": {"MSA": (0, 0, 240), "GLF": (0, 0, 180), "LEV": (0, 0, 120)}},
    "oasst": {"documents": {"MSA": (40, 1, 0)}, "pairs": {"MSA": (33, 0, 0)}},
    "pairs": {"pairs": {"MSA": (600, 0, 0), "EGY": (300, 0, 0)}},
    "wikipedia": {"documents": {"MSA": (50, 2, 2)}},
}
GONE = [  # step, table, source, outcome, reason, rows
    ("ingest", None, "bactrian", "rejected", "wrong_type", 3),
    ("ingest", None, "dirty_web", "rejected", "invalid_json", 2),
    ("ingest", None, "dirty_web", "rejected", "invalid_utf8", 1),
    ("ingest", None, "oasst", "left_out", "other_language", 61),
    ("ingest", None, "oasst", "left_out", "deleted", 4),
    ("ingest", None, "wikipedia", "left_out", "redirect", 9),
    ("clean", "documents", "dirty_web", "dropped", "too_short", 9),
    ("clean", "documents", "dirty_web", "dropped", "little_arabic", 12),
    ("compare", "documents", "bactrian", "dropped", "duplicate", 41),
    ("compare", "documents", "wikipedia", "dropped", "in_evaluation", 1),
]
STEPS = ("ingest", "clean", "compare", "split")


def funnel() -> list[dict[str, Any]]:
    found = [
        _counted(step, table, source, None, None, outcome, reason, rows)
        for step, table, source, outcome, reason, rows in GONE
    ]
    for step in STEPS:
        for source, tables in KEPT.items():
            for table, dialects in tables.items():
                for dialect, splits in dialects.items():
                    for split, rows in zip(("train", "dev", "test"), splits, strict=True):
                        if rows and step == "split":
                            found.append(_counted(step, table, source, dialect, split, "kept", None, rows))
                    if step != "split":
                        found.append(_counted(step, table, source, dialect, None, "kept", None, sum(splits)))
        for at, table, source, _, _, rows in GONE:
            if table and STEPS.index(at) > STEPS.index(step):  # still there before the step at which it goes
                found.append(_counted(step, table, source, "MSA", None, "kept", None, rows))
    return found


def _counted(
    step: str,
    table: str | None,
    source: str,
    dialect: str | None,
    split: str | None,
    outcome: str,
    reason: str | None,
    rows: int,
) -> dict[str, Any]:
    return {
        "records": table,
        "step": step,
        "source": source,
        "dialect": dialect,
        "script": dialect and "arabic",
        "split": split,
        "outcome": outcome,
        "reason": reason,
        "rows": rows,
        "words": 30 * rows if table else 0,
        "characters": 150 * rows if table else 0,
        "merged_words": 6 * rows if table else 0,
    }


def verdicts() -> pl.DataFrame:
    """Eleven copies: ten of one record of the dump, one of another's; and a training record that a test asks for."""
    from arabic_llm_pipeline.corpus.duplicates import VERDICTS

    rows = [("documents", 0, n, 0, 0, "near_duplicate", 0.9, "dirty_web", "wikipedia") for n in range(1, 11)]
    rows += [("documents", 0, 20, 0, 15, "duplicate", 1.0, "wikipedia", "wikipedia")]
    rows += [("documents", 0, 30, None, None, "in_evaluation", 9.0, "bactrian", "items_test")]
    return pl.DataFrame(rows, schema=VERDICTS, orient="row")


def shares_table(by: str) -> pl.DataFrame:
    from arabic_llm_pipeline.corpus.funnel import FUNNEL, shares

    return shares(pl.DataFrame(funnel(), schema=FUNNEL), by)


def audit_table() -> pl.DataFrame:
    from arabic_llm_pipeline.corpus.audit import AUDIT
    from arabic_llm_pipeline.evaluation.toxicity import with_shares

    zeros = {name: 0 for name, dtype in AUDIT.items() if dtype == pl.Int64}
    rows = [
        {"records": "documents", "source": source, "dialect": dialect, "licence": "MIT"} | zeros | counts
        for source, dialect, counts in (
            ("bactrian", "EGY", {"rows": 915, "looked_at": 300, "toxic": 6, "gender": 12, "phone": 3}),
            ("bactrian", "MSA", {"rows": 3030, "looked_at": 700, "toxic": 7, "religion": 21}),
            ("oasst", "MSA", {"rows": 41, "looked_at": 41}),
        )
    ]
    return with_shares(pl.DataFrame(rows, schema=AUDIT), "looked_at")


def group_mentions() -> pl.DataFrame:
    from arabic_llm_pipeline.corpus.audit import GROUPS
    from arabic_llm_pipeline.evaluation.toxicity import with_shares

    said = {"source": "bactrian", "dialect": "EGY", "category": "gender", "group": "women", "texts": 12,
            "mentions": 40, "toxic": 4, "around": "بيت 9، عمل 7"}  # fmt: skip
    return with_shares(pl.DataFrame([said], schema=GROUPS), "mentions")

"""What is asked, in one shape: items of the evaluation, instructions of the test split, prompts that rules check."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.records import MESSAGES, Columns, message
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation.held_out import GIVEN, drawn, kept, of_part
from arabic_llm_pipeline.parameters.writing import WritingSettings

QUESTIONS, TRANSLATION, FREE, RULES = "question_answering", "translation", "free_answers", "instruction_following"
MEASURES = (QUESTIONS, TRANSLATION, FREE, RULES)
OWN = "instructions"  # the set of the prompts that come with the package
COLUMNS: Columns = {
    "measure": pl.String,
    "set": pl.String,
    "id": pl.String,
    "family": pl.String,
    "dialect": pl.String,
    "checked": pl.Boolean,  # what was trained on was searched for it
    "gold": pl.Boolean,  # the source says the dialect
    "prompt": MESSAGES,
    "passage": pl.String,
    "answers": pl.List(pl.String),
}
ASKED = pl.Schema(COLUMNS)
ROLE = pl.element().struct.field("role")
Values = dict[str, tuple[float, float]]  # by metric: what an item adds to the sum, and to the sum it is divided by


def asked(documents: ShardSet, items: ShardSet, settings: WritingSettings, seed: int) -> pl.DataFrame:
    """All test rows that are asked (`ASKED`), by measure and set."""
    of_items = from_items(items, "test", settings.items, seed)
    parts = [of_items, from_documents(documents, settings.held_out, seed), from_rules(settings.instructions)]
    return pl.concat(parts).sort("measure", "set", "id", maintain_order=True)


def from_items(items: ShardSet, split: str, limit: int, seed: int) -> pl.DataFrame:
    """Items whose answers are written, at most `limit` of each source (0: all)."""
    return _shaped(
        drawn(of_part(kept(items, split), "writing"), "source", limit, seed).rename({"kind": "measure"}), True
    )


def from_documents(documents: ShardSet, limit: int, seed: int) -> pl.DataFrame:
    """Instructions and conversations of the test split, to be answered where their last answer stands."""
    if not limit:
        return pl.DataFrame(schema=ASKED)
    roles = pl.col("messages").list.eval(ROLE)
    talks = kept(documents, "test").filter((pl.col("kind") != "prose") & (roles.list.last() == "assistant"))
    rows = drawn(talks.filter(roles.list.len() > 1), "source", limit, seed)
    said = pl.col("messages")
    answer = pl.concat_list(said.list.last().struct.field("content"))
    before = said.list.head(said.list.len() - 1)
    about = {"family": pl.col("kind"), "measure": pl.lit(FREE), "passage": pl.lit(None, pl.String)}
    return _shaped(rows.with_columns(prompt=before, answers=answer, **about), False)


def from_rules(limit: int = 0) -> pl.DataFrame:
    """The prompts that come with the package, whose answers rules check."""
    rows = [
        {"id": row["id"], "prompt": [message("user", row["prompt"])], "answers": [], "family": None, "passage": None}
        | {"dialect": row.get("dialect", "MSA"), "dialect_score": 1.0, "source": OWN, "measure": RULES}
        for row in ruled()[: limit or None]
    ]
    types = {name: COLUMNS[name] for name in ("answers", "passage", "family")}
    return _shaped(pl.DataFrame(rows, schema_overrides=types), False)


@cache
def ruled() -> list[dict[str, Any]]:
    """The prompts with their rules, as the package has them."""
    text = files("arabic_llm_pipeline.evaluation.writing").joinpath("data", "instructions.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _shaped(rows: pl.DataFrame, checked: bool) -> pl.DataFrame:
    named = rows.with_columns(pl.col("source").alias("set"), gold=GIVEN, checked=pl.lit(checked))
    return named.select(ASKED.names()).cast(ASKED)  # type: ignore[arg-type]

"""What the figures of a report do not say: limits that can be seen in them, and biases of the corpus."""

from collections.abc import Iterator

import polars as pl

from arabic_llm_pipeline.evaluation.toxicity import with_shares
from arabic_llm_pipeline.reporting import model_card
from arabic_llm_pipeline.reporting.card import LIMITS as OF_THE_CORPUS
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import bounds, by_family, families
from arabic_llm_pipeline.reporting.view import Block, count, interval, listed, share

FEW = 0.05  # of the words that are taught: a dialect with less is taught in passing
OFTEN = 20  # mentions of a group below which its share of toxic surroundings is not told
UNKNOWN = "unknown"


def blocks(inputs: Inputs) -> list[Block]:
    """Limits of the scores, then biases of the corpus, then what holds of any run."""
    scores = [*_width(inputs), *_one_run(inputs), *_seen(inputs)]
    corpus = [*_dialects(inputs), *_untold(inputs), *_around_groups(inputs)]
    return [
        Block("Of the scores", points=scores),
        *([Block("Of this corpus", points=corpus)] if corpus else []),
        Block("Of any such corpus", points=OF_THE_CORPUS),
        Block("Of any such model", points=model_card.LIMITS),
    ]


def _width(inputs: Inputs) -> Iterator[str]:
    """How far the figures can be off by chance, in the family where that is most."""
    last = inputs.candidates[-1]
    rows = by_family(inputs.scores[last]["accuracy"])
    known = [(around[1] - around[0], family, around, rows[family]["items"])
             for family in families(inputs.scores) if (around := bounds(rows.get(family)))]  # fmt: skip
    if known:
        _, family, around, items = max(known)
        yield (
            f"The least certain accuracy of {last} is that of {family}: {count(items)} items, 95% interval "
            f"{interval(around)}. Differences within intervals like that are chance."
        )


def _one_run(inputs: Inputs) -> Iterator[str]:
    used = {str(scores.get("quantization")) for scores in inputs.scores.values()} - {"None"}
    weights = f"; the base's weights are in {listed(sorted(used))}" if used else ""
    yield (
        f"All is of one run with seed {inputs.seed}{weights}. The intervals are of the items, not of other seeds, "
        "other data or other weights."
    )
    yield "What the base had read before is not known: that it never saw a test item cannot be shown."


def _seen(inputs: Inputs) -> Iterator[str]:
    seen: pl.DataFrame = inputs["seen_items"]
    left = seen.filter(pl.col("taught"))["id"].n_unique()
    dropped = seen["id"].n_unique() - left
    if left:
        yield (
            f"{count(left)} test items stand in what was trained on; scores name their share, and stand without them, "
            "too."
        )
    elif dropped:
        yield (
            f"{count(dropped)} test items stood in training records, which were dropped for it; none is left that the "
            "check finds. It compares words, and does not see a question that is put otherwise."
        )
    else:
        yield "No test item was found in training records, by words; a question that is put otherwise is not seen."


def _dialects(inputs: Inputs) -> Iterator[str]:
    shares: pl.DataFrame = inputs["dialect_table"]
    taught = shares.filter(split="train").group_by("dialect").agg(pl.col("words").sum())
    words = {name or UNKNOWN: number for name, number in taught.sort("words", descending=True).iter_rows()}
    every = sum(words.values())
    if not every:
        return
    first = next(iter(words))
    rare = {name: number for name, number in words.items() if number / every < FEW and name != UNKNOWN}
    few = [f"{name} {share(number / every)}" for name, number in rare.items()]
    yield (
        f"{share(words[first] / every)} of the words that are taught are {first}."
        + (f" Taught in passing only: {listed(few)}." if few else "")
        + " What a model writes of itself leans to what it was taught most of."
    )


def _untold(inputs: Inputs) -> Iterator[str]:
    shares: pl.DataFrame = inputs["dialect_table"]
    named = shares.with_columns(pl.col("dialect").fill_null(UNKNOWN))
    rows = dict(named.group_by("dialect").agg(pl.col("rows").sum()).iter_rows())
    if unknown := rows.get(UNKNOWN):
        yield f"{share(unknown / sum(rows.values()))} of the kept records have no dialect that could be told."


def _around_groups(inputs: Inputs) -> Iterator[str]:
    """Groups around whom texts are toxic more often than on the whole, by more than chance."""
    groups: pl.DataFrame = inputs["group_mentions"]
    sums = groups.group_by("group").agg(pl.col("mentions", "toxic").sum()).filter(pl.col("mentions") >= OFTEN)
    if not len(sums):
        return
    usual = int(sums["toxic"].sum()) / int(sums["mentions"].sum())
    worse = with_shares(sums, "mentions").filter(pl.col("toxic_low") > usual)
    worse = worse.sort("toxic_share", "group", descending=[True, False])
    if len(worse):
        told = listed(f"{name} ({share(part)})" for name, part in worse.select("group", "toxic_share").iter_rows())
        yield f"Texts around these groups are toxic more often than around all on the whole ({share(usual)}): {told}."
    else:
        yield (
            f"Around no group that is mentioned {OFTEN} times or more are texts toxic more often than around all "
            f"together ({share(usual)}), by more than chance."
        )

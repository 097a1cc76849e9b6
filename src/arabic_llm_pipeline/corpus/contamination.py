"""Training records that hold a prompt of the evaluation, as a whole, within a longer text, or in most of its words."""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.columns import elementwise, from_series
from arabic_llm_pipeline.corpus.keys import ANSWERS, hashed, with_keys
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.splits import HELD, held, split_expr
from arabic_llm_pipeline.parameters.duplicates import OverlapSettings, SplitsSettings

IN_EVALUATION, OVERLAPS_EVALUATION = "in_evaluation", "overlaps_evaluation"
PROMPTS = pl.Schema({"text": pl.String, "source": pl.String, "words": pl.Int32})
OVERLAP = pl.Struct({"prompt": pl.String, "share": pl.Float32})
OVERLAPS = pl.List(OVERLAP)
CLASSES = 16  # for each run of words of the prompts


def prompts(items: ShardSet, splits: SplitsSettings, min_words: int) -> pl.DataFrame:
    """Evaluation prompts of at least so many words, as shorter ones stand in texts by chance.

    Returns:
        Columns of `PROMPTS`, ordered by text: the matching key in one line, who asks so first, and how many words.
    """
    frame = with_keys(items.scan().filter(pl.col("reason").is_null()), "items")
    frame = frame.with_columns(_hash=hashed(pl.col("_group"), str(splits.seed)))
    measured = pl.coalesce("split", split_expr(pl.col("_hash"), splits)).is_in(HELD)
    asked = pl.col("_asked").str.replace_all("\n", " ", literal=True)
    kept = frame.filter(measured).select(text=asked, source="source", words=words(asked))
    long = kept.filter(pl.col("words") >= min_words)
    return long.collect().unique("text", keep="first", maintain_order=True).sort("text")


def words(key: pl.Expr) -> pl.Expr:
    """How many words a matching key of one line has (Int32)."""
    return key.str.count_matches(" ", literal=True).cast(pl.Int32) + 1


def holds_expr(text: pl.Expr, prompts: tuple[str, ...], min_words: int) -> pl.Expr:
    """The first of the prompts, each of so many words or more, that stands in a text as a whole; null where none does.

    All are matching keys, the prompts of one line.
    """
    if not prompts:
        return pl.lit(None, pl.String)
    return elementwise(text, partial(_holds, prompts=prompts, min_words=min_words), pl.String)


def _holds(texts: pl.Series, prompts: tuple[str, ...], min_words: int) -> pl.Series:
    """Only texts that have all runs of words of some prompt are searched for it."""
    _, share = _most(texts, prompts, min_words)
    rows = pl.Series(share >= 1).arg_true()
    found = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    if len(rows):
        padded = (" " + texts[rows].str.replace_all("\n", " ", literal=True) + " ").to_frame("text")
        any_of = pl.lit(pl.Series([f" {one} " for one in prompts])).implode()
        which = padded.select(pl.col("text").str.extract_many(any_of).list.first().str.strip_chars(" "))
        found = found.scatter(rows, which.to_series())
    return found.alias(texts.name)


@dataclass(frozen=True)
class _Runs:
    """The runs of words of some prompts, as `overlap_kernel.overlaps` takes them."""

    values: np.ndarray
    owners: np.ndarray
    totals: np.ndarray
    marked: np.ndarray
    bits: int


def overlap_expr(text: pl.Expr, prompts: tuple[str, ...], settings: OverlapSettings) -> pl.Expr:
    """The prompt whose runs of words stand most in a text, and their share; null where it is below `share`.

    All are matching keys. With runs of 8 words and a share of 0.7 this is how PaLM tells contaminated examples
    (Chowdhery et al. 2022, section 8); of 13 and any share, GPT-3 (Brown et al. 2020, appendix C).
    """
    if not prompts or settings.share is None:
        return pl.lit(None, OVERLAP)
    return elementwise(text, partial(_overlaps, prompts=prompts, settings=settings), OVERLAP)


def _overlaps(texts: pl.Series, prompts: tuple[str, ...], settings: OverlapSettings) -> pl.Series:
    best, share = _most(texts, prompts, settings.words)
    enough = (best >= 0) & (share >= np.float32(settings.share))
    found = pl.DataFrame({"prompt": pl.Series(prompts)[np.maximum(best, 0)], "share": share})
    return found.select(pl.when(pl.lit(pl.Series(enough))).then(pl.struct(pl.all()))).to_series().alias(texts.name)


def every_overlap_expr(text: pl.Expr, prompts: tuple[str, ...], words: int, share: float) -> pl.Expr:
    """All prompts of whose runs of so many words at least that share stands in a text, with shares (`OVERLAPS`)."""
    if not prompts:
        return pl.lit([], OVERLAPS)
    return elementwise(text, partial(_every, prompts=prompts, words=words, share=share), OVERLAPS)


def _every(texts: pl.Series, prompts: tuple[str, ...], words: int, share: float) -> pl.Series:
    """Only texts that have enough of some prompt are gone through again, for all of them."""
    from arabic_llm_pipeline.corpus import near_kernel

    runs, (_, most) = _runs(prompts, words), _most(texts, prompts, words)
    rows = np.flatnonzero(most >= np.float32(share))
    column = from_series(texts[rows].fill_null(""))
    values, sizes = near_kernel.shingle_sets(column.data, column.offsets, words)
    found: list[list[dict[str, object]]] = [[] for _ in range(len(texts))]
    for row, own in zip(rows, np.split(values, np.cumsum(sizes))[:-1], strict=True):
        hits = np.bincount(runs.owners[np.isin(runs.values, own)], minlength=len(prompts))
        shares = hits / np.maximum(runs.totals, 1)
        enough = np.flatnonzero(shares.astype(np.float32) >= np.float32(share))
        found[row] = [{"prompt": prompts[owner], "share": shares[owner]} for owner in enough if runs.totals[owner]]
    return pl.Series(texts.name, found, dtype=OVERLAPS)


def _most(texts: pl.Series, prompts: tuple[str, ...], words: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each text the prompt that has the largest share of its runs in it, or -1, and the share."""
    from arabic_llm_pipeline.corpus import overlap_kernel

    runs, column = _runs(prompts, words), from_series(texts)
    how = (words, runs.values, runs.owners, runs.totals, runs.marked, runs.bits)
    found: tuple[np.ndarray, np.ndarray] = overlap_kernel.overlaps(column.data, column.offsets, column.valid, *how)
    return found


@lru_cache(maxsize=2)
def _runs(prompts: tuple[str, ...], words: int) -> _Runs:
    from arabic_llm_pipeline.corpus import near_kernel, overlap_kernel

    column = from_series(pl.Series(prompts))
    values, totals = near_kernel.shingle_sets(column.data, column.offsets, words)
    order = np.argsort(values, kind="stable")
    bits = max(1, int(CLASSES * max(1, len(values))).bit_length())
    owners = np.repeat(np.arange(len(prompts)), totals)
    return _Runs(values[order], owners[order], totals, overlap_kernel.marks(values, bits), bits)


def find(keys: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Training records that ask what held-out items or documents ask, answer as held-out pairs do, or hold a prompt.

    Those that hold only most of a prompt have another reason, and its share for a value.

    Args:
        keys: of all records (`duplicates.Keys`), with their splits.
        asked: the prompts, as `prompts` gives them.

    Returns:
        Columns of `duplicates.VERDICTS`: the value is how many words the prompt has, or the share of it that the record
        has; `stays_source` says who asks it.
    """
    measured = keys.filter(held("split"))
    training = keys.filter((pl.col("split") == "train") & (pl.col("records") != "items"))
    questions = measured.filter(~pl.col("records").is_in(list(ANSWERS)))
    for by, name in ((questions, "asked"), (measured, "group")):
        first = by.select(name, pl.col("source").alias(f"_{name}")).unique(name, keep="first", maintain_order=True)
        training = training.join(first, on=name, how="left", maintain_order="left")
    whole = pl.coalesce("_asked", "_group")
    held_prompts = asked.select(holds="text", _holds="source", _words="words")
    most = asked.select("text", _most="source")
    found = training.join(held_prompts, on="holds", how="left", maintain_order="left")
    found = found.with_columns(pl.col("overlap").struct.unnest()).join(
        most, left_on="prompt", right_on="text", how="left", maintain_order="left"
    )
    entire = pl.coalesce(whole, "_holds")
    words = pl.when(whole.is_null()).then("_words").otherwise("words").cast(pl.Float32)
    found = found.with_columns(
        stays_source=pl.coalesce(entire, "_most"),
        value=pl.when(entire.is_null()).then("share").otherwise(words),
        reason=pl.when(entire.is_null()).then(pl.lit(OVERLAPS_EVALUATION)).otherwise(pl.lit(IN_EVALUATION)),
    )
    found = found.filter(pl.col("stays_source").is_not_null())
    return found.select("records", "shard", "row", "source", "stays_source", "value", "reason")

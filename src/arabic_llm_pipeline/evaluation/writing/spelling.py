"""Spelling against a list that is built from text: does a model write a word as nearly everybody does?

Words that differ in nothing but hamza, Alef Maksura or Yeh, Teh Marbuta or Heh have one matching key. Where one
spelling has nearly all occurrences of a key, another one is counted as a mistake, by what differs. The list is no
dictionary: a rare right word that is spelt like a frequent one (Ali, and the preposition on) counts as a mistake, so
that a text of people has a rate, too: that of the references stands beside a model's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation.held_out import drawn, kept
from arabic_llm_pipeline.evaluation.writing.items import Values
from arabic_llm_pipeline.parameters.writing import SpellingSettings

LIST = pl.Schema({"key": pl.String, "form": pl.String, "share": pl.Float64, "count": pl.Int64})
FORM = replace(MATCHING_KEY, alif=False, ya=False, ta_marbuta=False, hamza_carriers=False)
"""A word as it is spelt: what the matching key unifies beyond spelling (diacritics, digits, case) is unified here."""
ALEFS = alphabet.ALEF + alphabet.ALEF_VARIANTS
KINDS = {
    "hamza": (ALEFS, *("".join(pair) for pair in alphabet.HAMZA_CARRIERS.items())),
    "alef_maksura": (alphabet.YEH + alphabet.YEH_VARIANTS,),
    "ta_marbuta": (alphabet.HEH + alphabet.TEH_MARBUTA_VARIANTS,),
}
METRICS = ("misspelt", *(f"misspelt_{kind}" for kind in KINDS))
LETTERS = "[" + "".join(dict.fromkeys("".join(letters for groups in KINDS.values() for letters in groups))) + "]"


def listed(documents: ShardSet, settings: SpellingSettings, seed: int) -> pl.DataFrame:
    """The list (`LIST`): matching keys of which one spelling has nearly all occurrences in the training split."""
    written = kept(documents, "train").filter(pl.col("dialect").is_in(list(settings.dialects)))
    rows = drawn(written, "kind", settings.documents, seed)
    return list_of(rows.select(contents("messages")).to_series(), settings)


def list_of(texts: pl.Series, settings: SpellingSettings) -> pl.DataFrame:
    """The list of some texts, by key."""
    forms = clean_series(texts, FORM).str.split(" ").explode().str.split("\n").explode().alias("form")
    counted = forms.to_frame().filter(pl.col("form").str.contains(LETTERS)).group_by("form").len("count")
    counted = counted.with_columns(
        key=clean_series(counted["form"], MATCHING_KEY), count=pl.col("count").cast(pl.Int64)
    )
    total = pl.col("count").sum().over("key")
    counted = counted.with_columns(share=pl.col("count") / total, all=total).filter(pl.col("all") >= settings.min_count)
    return counted.filter(pl.col("share") >= settings.dominance).select(LIST.names()).sort("key")


def spellings(table: pl.DataFrame) -> dict[str, str]:
    """The list as a mapping from keys to right spellings."""
    return dict(table.select("key", "form").iter_rows())


def score(words: Sequence[str], right: Mapping[str, str]) -> Values:
    """How many of a text's words that are in the list are spelt otherwise, in all and by kind of mistake.

    Args:
        words: without diacritics and punctuation.
        right: from `spellings`.
    """
    keys = clean_series(pl.Series(words, dtype=pl.String), MATCHING_KEY).to_list() if words else []
    known = [(word, right[key]) for word, key in zip(words, keys, strict=True) if key in right]
    wrong = [mistakes(word, form) for word, form in known if word != form]
    counts = [len(wrong), *(sum(kind in found for found in wrong) for kind in KINDS)]
    return {metric: (float(count), float(len(known))) for metric, count in zip(METRICS, counts, strict=True)}


def mistakes(word: str, right: str) -> set[str]:
    """The kinds of mistakes that make a word of the right spelling."""
    pairs = [{one, other} for one, other in zip(word, right, strict=False) if one != other]
    return {kind for kind, groups in KINDS.items() for letters in groups if any(pair <= {*letters} for pair in pairs)}

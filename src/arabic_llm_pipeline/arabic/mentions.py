"""Mentions of groups of people (data/group_words.tsv) in texts, and the words around them.

Texts are given in the spelling of MATCHING_KEY; particles written with a name of a group are seen through
(wordlist.py).
"""

from functools import lru_cache

import polars as pl

from arabic_llm_pipeline.arabic import lexicon, wordlist
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.arabic.columns import elementwise

CATEGORIES = ("gender", "religion", "nationality", "ethnicity")
COUNTS = pl.Struct(dict.fromkeys(CATEGORIES, pl.Int32))
MENTION = pl.Schema({"row": pl.UInt32(), "group": pl.String(), "category": pl.String(), "around": pl.List(pl.String)})


def counts_expr(expr: pl.Expr) -> pl.Expr:
    """How often each text of a column mentions a group of each category: a struct of COUNTS, inside a polars plan."""
    return elementwise(expr, counts, COUNTS)


def counts(texts: pl.Series) -> pl.Series:
    """How often each text, as it is written, mentions a group of each category; nulls where the text is."""
    found = wordlist.words(clean_series(texts, MATCHING_KEY)).join(names(), on="word").group_by("row", "category").len()
    zeros = texts.str.len_bytes().cast(pl.Int32) * 0
    columns = []
    for category in CATEGORIES:
        here = found.filter(category=category)
        columns.append(zeros.clone().scatter(here["row"], here["len"].cast(pl.Int32)).alias(category))
    return pl.DataFrame(columns).to_struct(texts.name)


def find(keys: pl.Series, window: int) -> pl.DataFrame:
    """Every mention in texts in the spelling of MATCHING_KEY, in order, with so many words before and after it.

    Returns:
        rows of MENTION: the text's position, the group and its category, and the words around the mention, which is
        none of them.
    """
    words = wordlist.words(keys).with_row_index("at")
    spans = words.group_by("row").agg(begin=pl.col("at").min(), end=pl.col("at").max() + 1)
    found = words.join(names(), on="word", maintain_order="left").join(spans, on="row", maintain_order="left")
    at = pl.col("at").cast(pl.Int64)
    begin = pl.max_horizontal(at - window, pl.col("begin").cast(pl.Int64))
    end = pl.min_horizontal(at + window + 1, pl.col("end").cast(pl.Int64))
    places = (
        found.select("at", place=pl.int_ranges(begin, end)).explode("place").filter(pl.col("place") != pl.col("at"))
    )
    around = places.with_columns(word=words["word"].gather(places["place"])).group_by("at").agg(around="word")
    return found.join(around, on="at", how="left", maintain_order="left").select(MENTION.names()).cast(MENTION)


@lru_cache(maxsize=1)
def names() -> pl.DataFrame:
    """Every spelling of every name of a group: `word`, `group`, `category`."""
    rows = lexicon.read_table("group_words.tsv")
    categories = {row["group"]: row["category"] for row in rows}
    table = wordlist.table(((form, row["group"]) for row in rows for form in row["forms"].split()), "group")
    return table.with_columns(category=pl.col("group").replace_strict(categories, return_dtype=pl.String))

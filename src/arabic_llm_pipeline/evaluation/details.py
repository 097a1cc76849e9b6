"""The values behind the scores, one of each document and pair: what paired tests and later stages need."""

from collections.abc import Iterable

import polars as pl

SCHEMA = {"kind": pl.String, "id": pl.String, "value": pl.Float64}


def long(tables: Iterable[pl.DataFrame], suffixes: Iterable[str]) -> pl.DataFrame:
    """Tables of an id and numbers as rows of kind, id, value; a kind is a column's name and its table's suffix."""
    parts = [pl.DataFrame(schema=SCHEMA)]
    for table, suffix in zip(tables, suffixes, strict=True):
        numbers = table.select("id", pl.selectors.numeric().cast(pl.Float64))
        rows = numbers.unpivot(index="id", variable_name="kind", value_name="value")
        parts.append(rows.select(pl.col("kind") + suffix, "id", "value"))
    return pl.concat(parts)


def wide(details: pl.DataFrame, suffix: str) -> pl.DataFrame:
    """The table of a suffix again: id and its numbers, by id; without rows or columns where there are none."""
    kinds = details.filter(pl.col("kind").str.ends_with(suffix))
    found = kinds.with_columns(pl.col("kind").str.strip_suffix(suffix))
    return found.pivot(on="kind", index="id", values="value").sort("id")

"""Words of a table in texts, with the particles that Arabic writes as one with the word after them."""

from collections.abc import Iterable

import polars as pl

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series

LAM = "\N{ARABIC LETTER LAM}"
ARTICLE = alphabet.ALEF + LAM
AND = ("", alphabet.WAW, "\N{ARABIC LETTER FEH}")  # and, so
BY = ("", "\N{ARABIC LETTER BEH}", alphabet.KAF)  # by, as
OH = alphabet.YEH + alphabet.ALEF  # the vocative, which comments run together with the word
THIS = alphabet.HEH + ARTICLE  # "this" of the Levant and the Gulf
ALONE = "="  # before a form that takes no particles
FOR, FOR_THE = LAM, LAM + LAM  # "for" swallows the Alef of the article after it


def spellings(form: str) -> set[str]:
    """A word as it may stand in a text in the spelling of MATCHING_KEY, with particles and article before it.

    Args:
        form: in the spelling of dictionaries; with the article, where it is meant only with it; behind ALONE, where
            it is meant only by itself.
    """
    return _spellings(form, _keys([form])[0])


def _keys(forms: list[str]) -> list[str]:
    """Words without what marks them or stands before them, in the spelling of MATCHING_KEY."""
    bare = [form.removeprefix(ALONE if form.startswith(ALONE) else ARTICLE) for form in forms]
    keys: list[str] = clean_series(pl.Series(bare, dtype=pl.String), MATCHING_KEY).to_list()
    return keys


def _spellings(form: str, key: str) -> set[str]:
    if form.startswith(ALONE):
        return {key}
    only_definite = form.startswith(ARTICLE)
    found = {f"{by}{ARTICLE}{key}" for by in BY} | {FOR_THE + key, THIS + key}
    if not only_definite:
        found |= {by + key for by in (*BY, FOR)} | {OH + key}
    return {conjunction + word for conjunction in AND for word in found}


def table(rows: Iterable[tuple[str, object]], name: str) -> pl.DataFrame:
    """Every spelling of every form beside what it means: `word`, and a column of that name; its first meaning wins."""
    found: dict[str, object] = {}
    meanings = list(rows)
    keys = _keys([form for form, _ in meanings])  # all at once: a column costs hardly more than a word
    for (form, meaning), key in zip(meanings, keys, strict=True):
        for word in sorted(_spellings(form, key)):
            found.setdefault(word, meaning)
    return pl.DataFrame({"word": list(found), name: list(found.values())})


def words(keys: pl.Series) -> pl.DataFrame:
    """The words of texts in the spelling of MATCHING_KEY, a row each: `row`, `place`, `word`; none of a null."""
    split = keys.str.replace_all("\n", " ", literal=True).str.split(" ")
    frame = pl.DataFrame({"word": split}).with_row_index("row").explode("word").filter(pl.col("word") != "")
    return frame.with_columns(place=pl.int_range(pl.len(), dtype=pl.UInt32).over("row")).select("row", "place", "word")

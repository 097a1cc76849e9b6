"""Clean and normalise Arabic text by a policy: the same bytes for one text and for a column of millions.

The order of the rules, and why:

1. Entities, then mark-up, wiki and Markdown residues, page and mail addresses: they are patterns over characters that
   later rules change (digits, case, spaces), and a removed line-breaking tag leaves blanks that rule 4 tidies.
2. Canonical composition (NFC), after presentation forms and hidden characters have been taken out, because any of
   them can stand between a letter and its hamza; a hamza on a tatweel is given its seat first. Composition comes
   before letters are unified, so that a letter is treated alike in its composed and decomposed spelling.
3. One table for all rules by code point, chained in this order: presentation forms, controls, other scripts, Alif, Ya,
   Ta Marbuta, Hamza carriers, digits, diacritics, punctuation, case: each may rely on those before it.
4. Spaces, in the same walk over the text: what has been removed must not leave two of them.
5. Rules by word: case endings, and Arabic-Indic digits, which leave Latin words alone.

A rule may make room for an earlier one (a dropped character makes a tag whole, or lets two others compose). Texts in
which that can happen are gone over until nothing changes, so `clean(clean(x)) == clean(x)`. They are few: the table
reports which texts have what a pattern cannot match without (`[[`, `://`), or a character that composition needs, both
before the table and after it; all others are done after one walk, in which a Farsi Yeh at the end of a word is looked
up where it stands.

Marks are put in canonical order by the table itself, which is all that NFC does to nearly every text.

The joiner U+200D is kept only inside emoji sequences, the non-joiner U+200C only where it is seen: between two letters
that would join without it. Tatweel is kept only after a heh that is a word of its own: the Hijri mark, an initial, the
fifth of a list; heh and joiner there is the same sign in another encoding. Indentation goes with the other blanks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import (
    alphabet,
    charmap,
    elongation,
    markup,
    measure,
    normalize,
    persian,
    protect,
    words,
)
from arabic_llm_pipeline.arabic.alphabet import ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER
from arabic_llm_pipeline.arabic.charmap import HINTED, STILL_HINTED, Charmap
from arabic_llm_pipeline.arabic.columns import TextColumn, elementwise, from_series
from arabic_llm_pipeline.arabic.markup import replaced

VOCALISED_RATIO = 0.5  # harakat per Arabic letter: vocalised books have 0.8 and more, encyclopedias below 0.15
MAX_ROUNDS = 100  # mark-up nested deeper than this is left as it is, so that hostile input cannot stop the line
COMPOSES, LOOKED_AT = 1, 2  # reported by the table: the text may not be in NFC; a rule without hints looks at it
SEARCHED = COMPOSES | LOOKED_AT | HINTED  # before the table, as a rule by pattern may match
UNFINISHED = COMPOSES | LOOKED_AT | STILL_HINTED  # after it
Diacritics = Literal["keep", "strip", "keep_vocalised", "strip_endings", "keep_shadda", "keep_tanwin"]


@dataclass(frozen=True)
class TextPolicy:
    """What is done to a text. The default is `TEXT`.

    Attributes:
        nfc: compose letters and marks canonically.
        presentation_forms: replace the shapes U+FB50-FDFF and U+FE70-FEFF by their letters.
        ligatures: with presentation forms, what becomes of the words in one sign, U+FDF0-FDFD.
        tatweel: remove tatweel, except in the Hijri mark and its like.
        persian_letters: "arabic" writes the letters of Persian and Urdu keyboards as the Arabic ones they stand for.
        elongation: "shorten" writes letters once that stand many times for emphasis; laughter keeps three.
        controls: remove control, bidi, zero-width, private-use characters.
        markup: remove HTML, decode entities, unwrap wiki and Markdown residues.
        urls: addresses of pages.
        emails: addresses of people.
        other_scripts: letters that are neither Arabic nor Latin nor shared by scripts.
        spaces: one space between words, none at the ends of lines, at most one empty line.
        diacritics: harakat and Quranic marks; "keep_vocalised" strips them unless the text is fully vocalised,
            "strip_endings" strips what ends a word, "keep_shadda" and "keep_tanwin" strip all others.
        alif: Alif with hamza, madda or wasla becomes the bare Alif.
        ya: Alif Maksura and Farsi Yeh become Yeh.
        ta_marbuta: Ta Marbuta becomes Heh.
        hamza_carriers: Waw and Yeh with hamza lose it.
        digits: which digits all Western and Arabic-Indic ones become; Western ones beside Latin letters stay.
        punctuation: "drop" makes blanks of punctuation and symbols, and removes tatweel in the Hijri mark too.
        case: "fold" makes lower case of upper case.
        protect: "code" leaves code alone, "code_and_maths" also formulas, to the byte (protect.py).
    """

    nfc: bool = True
    presentation_forms: bool = True
    ligatures: Literal["keep", "expand"] = "keep"
    persian_letters: Literal["keep", "arabic"] = "arabic"
    tatweel: bool = True
    elongation: Literal["keep", "shorten"] = "keep"
    controls: bool = True
    markup: bool = True
    urls: Literal["keep", "drop"] = "drop"
    emails: Literal["keep", "drop"] = "drop"
    other_scripts: Literal["keep", "drop"] = "keep"
    spaces: bool = True
    diacritics: Diacritics = "keep"
    alif: bool = False
    ya: bool = False
    ta_marbuta: bool = False
    hamza_carriers: bool = False
    digits: Literal["keep", "western", "arabic_indic"] = "keep"
    punctuation: Literal["keep", "drop"] = "keep"
    case: Literal["keep", "fold"] = "keep"
    protect: Literal["none", "code", "code_and_maths"] = "none"


TEXT = TextPolicy()
"""Repaired orthography: what a reader would accept; hamza, Alif Maksura and Ta Marbuta as they were written."""
NORMALIZED = replace(TEXT, alif=True, ya=True, diacritics="strip")
"""Alif and Ya unified, no diacritics: what the paper trains on."""
MATCHING_KEY = replace(
    NORMALIZED,
    ligatures="expand",
    ta_marbuta=True,
    hamza_carriers=True,
    digits="western",
    punctuation="drop",
    case="fold",
)
"""All that spelling varies in unified: for duplicates, decontamination, scoring. Not for reading."""


def clean(text: str, policy: TextPolicy) -> str:
    """Clean one text. Halves of surrogate pairs, which are no text, become U+FFFD (or their pair's character)."""
    try:
        column = pl.Series([text], dtype=pl.String)
    except UnicodeEncodeError:
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        column = pl.Series([whole], dtype=pl.String)
    return str(clean_series(column, policy)[0])


def clean_expr(expr: pl.Expr, policy: TextPolicy) -> pl.Expr:
    """Clean a column of text inside a polars plan; nulls stay null."""
    return elementwise(expr, partial(clean_series, policy=policy), pl.String)


def clean_series(series: pl.Series, policy: TextPolicy) -> pl.Series:
    """Clean a column of text; nulls stay null (a column of nulls only may lack a type)."""
    series = series.cast(pl.String)
    if policy.protect != "none":
        return _around_code(series, policy)
    if policy.diacritics == "keep_vocalised":
        return _strip_unless_vocalised(clean_series(series, replace(policy, diacritics="keep")), policy)
    column, flags = _table(policy).apply_column(from_series(series))
    texts = _by_word(column, policy).to_series()
    rows = np.flatnonzero(flags & SEARCHED)
    if len(rows):
        again, flags[rows] = _once(series.gather(rows), policy)
        texts = replaced(texts, rows, again)
    rows = np.flatnonzero(flags & UNFINISHED)
    for _ in range(MAX_ROUNDS - 1):
        source = texts.gather(rows)
        before = _compose(_search(source, policy), flags[rows], policy)
        moving = np.flatnonzero((before != source).to_numpy())
        if len(moving) == 0:
            break
        rows = rows[moving]
        again, flags[rows] = _once(source.gather(moving), policy)
        texts = replaced(texts, rows, again)
    return texts.alias(series.name)


def _around_code(series: pl.Series, policy: TextPolicy) -> pl.Series:
    """Clean around code; patterns are left out where they would take code with them."""
    whole = replace(policy, protect="none")
    by_sign = replace(whole, markup=False, urls="keep", emails="keep")
    ways = [partial(clean_series, policy=how) for how in (whole, by_sign)]
    return protect.around(series, ways, policy.protect == "code_and_maths").alias(series.name)


def alif_ya_merges_expr(expr: pl.Expr) -> pl.Expr:
    """How many words of each text unifying Alif and Ya would alter, and so may merge with other words."""
    return measure.count_expr(expr, "merged_words")


def _once(series: pl.Series, policy: TextPolicy) -> tuple[pl.Series, np.ndarray]:
    """All rules once, in order, of texts that patterns look at; also what the table reports of each text."""
    table = _table(policy)
    found = _search(series, policy)
    column, flags = table.apply_column(from_series(found), final_yeh=False)
    texts = _by_word(column, policy).to_series()
    rows = np.flatnonzero(flags & COMPOSES)
    if len(rows) == 0:
        return texts, flags
    composed = from_series(_compose(found.gather(rows), flags[rows], policy))
    column, flags[rows] = table.apply_column(composed, final_yeh=False)
    return replaced(texts, rows, _by_word(column, policy).to_series()), flags


def _by_word(column: TextColumn, policy: TextPolicy) -> TextColumn:
    """The rules by word."""
    column = words.strip_endings(column) if policy.diacritics == "strip_endings" else column
    return words.arabic_indic_digits(column) if policy.digits == "arabic_indic" else column


def _search(texts: pl.Series, policy: TextPolicy) -> pl.Series:
    """The rules by pattern."""
    for group in _groups(policy):
        texts = group.apply(texts)
    return texts


def _compose(texts: pl.Series, flags: np.ndarray, policy: TextPolicy) -> pl.Series:
    """Canonical composition of the texts flagged for it, and what must be done before."""
    rows = np.flatnonzero(flags & COMPOSES)
    if len(rows) == 0:
        return texts
    chosen = texts.gather(rows)
    if policy.tatweel:
        chosen = normalize.seat_hamza(chosen)
    bare = _repair_table(policy).apply_column(from_series(chosen))[0].to_series()
    return replaced(texts, rows, normalize.nfc(bare))


def _strip_unless_vocalised(texts: pl.Series, policy: TextPolicy) -> pl.Series:
    marked = texts.str.contains(f"[{alphabet.ARABIC_MARKS}]").fill_null(False)
    rows = np.flatnonzero(marked & (measure.diacritics_ratio(texts) < VOCALISED_RATIO))
    if len(rows) == 0:
        return texts
    return replaced(texts, rows, clean_series(texts.gather(rows), replace(policy, diacritics="strip")))


@lru_cache(maxsize=16)
def _groups(policy: TextPolicy) -> list[markup.Group | persian.FinalYeh]:
    """The groups of patterns that a policy asks for, and what goes with them."""
    wanted: list[markup.Group | persian.FinalYeh] = (
        [markup.ENTITIES, markup.HTML, markup.WIKI, markup.MARKDOWN] if policy.markup else []
    )
    wanted += [persian.FINAL_YEH] if policy.persian_letters == "arabic" else []
    wanted += [elongation.SHORTENED] if policy.elongation == "shorten" else []
    wanted += [markup.URLS] if policy.urls == "drop" else []
    return wanted + ([markup.EMAILS] if policy.emails == "drop" else [])


@lru_cache(maxsize=16)
def _table(policy: TextPolicy) -> Charmap:
    """All rules by code point that a policy asks for."""
    key, strokes = policy.punctuation == "drop", alphabet.TATWEEL + ZERO_WIDTH_JOINER + ZERO_WIDTH_NON_JOINER
    rules = [_repairs(policy)]
    rules += [normalize.ALIF] if policy.alif else []
    rules += [normalize.YA] if policy.ya else []
    rules += [normalize.TA_MARBUTA] if policy.ta_marbuta else []
    rules += [normalize.HAMZA_CARRIERS] if policy.hamza_carriers else []
    rules += [{"western": normalize.WESTERN, "arabic_indic": normalize.ARABIC_INDIC}.get(policy.digits, {})]
    rules += [normalize.STRIP_DIACRITICS.get(policy.diacritics, {})]
    rules += [normalize.punctuation()] if key else []
    rules += [normalize.case()] if policy.case == "fold" else []
    rules += [dict.fromkeys(strokes, "")] if key else []
    return charmap.build(
        charmap.chain(*rules),
        drops=[*_hidden(policy), *([normalize.other_scripts()] if policy.other_scripts == "drop" else [])],
        blanks=[*alphabet.codes("Zs"), ord("\t")] if policy.spaces else (),
        lines=alphabet.LINE_BREAKS if policy.spaces else "",
        stretch=alphabet.TATWEEL if policy.tatweel and not key else "",
        joiners=ZERO_WIDTH_JOINER if policy.controls and not key else "",
        non_joiners=ZERO_WIDTH_NON_JOINER if policy.controls and not key else "",
        flags=_flags(policy),
        hints=[hint for group in _groups(policy) if not group.triggers for hint in group.hints],
        final_yeh=persian.FINAL_YEH.tables() if policy.persian_letters == "arabic" else None,
        sort_marks=policy.nfc,
    )


@lru_cache(maxsize=16)
def _repair_table(policy: TextPolicy) -> Charmap:
    """What must be gone before composition."""
    return charmap.build(_repairs(policy), drops=_hidden(policy))


def _flags(policy: TextPolicy) -> dict[int, Iterable[str]]:
    """The characters that have a text looked at again, by what for."""
    flags: dict[int, Iterable[str]] = {LOOKED_AT: "".join(group.triggers for group in _groups(policy))}
    if policy.nfc:
        seconds, never = alphabet.compositions()
        flags[COMPOSES] = seconds | never | _forms_with_marks(policy)
    return flags


def _forms_with_marks(policy: TextPolicy) -> frozenset[str]:
    """Presentation forms that become marks: the table does not put those in order."""
    classes = alphabet.combining_classes()
    forms = _repairs(policy).items()
    return frozenset(char for char, spelt in forms if any(classes[ord(part)] for part in spelt))


def _repairs(policy: TextPolicy) -> dict[str, str]:
    forms = normalize.presentation_forms(policy.ligatures == "expand") if policy.presentation_forms else {}
    letters = persian.LETTERS if policy.persian_letters == "arabic" else {}
    return charmap.chain(forms, letters, normalize.BREAKS if policy.controls else {})


def _hidden(policy: TextPolicy) -> list[np.ndarray]:
    return [normalize.controls()] if policy.controls else []

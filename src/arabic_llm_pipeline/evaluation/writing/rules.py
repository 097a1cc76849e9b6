"""Rules that an answer keeps or breaks, checked by program: the idea of IFEval (Zhou et al. 2023), of Arabic.

Each rule is a function of an answer and its arguments. Strict: the answer as it is. Loose: the rule may hold for what
is left without the first line, the last line, both, or asterisks, as models introduce what they say.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic import alphabet, measure
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, TEXT, clean
from arabic_llm_pipeline.arabic.dialect import tag
from arabic_llm_pipeline.arabic.morphology import ARTICLE, CONJUNCTIONS, LAM, PREPOSITIONS
from arabic_llm_pipeline.arabic.script import ARABIC, LATIN, script
from arabic_llm_pipeline.arabic.sentences import split_sentences
from arabic_llm_pipeline.evaluation.writing.items import Values

PLAIN = replace(TEXT, diacritics="strip")
BULLET = re.compile("^[ \t]*[-*\u2022\u25cf\u25aa\u2013][ \t]+\\S", re.MULTILINE)  # bullet, circle, square, en dash
NUMBERED = re.compile("^[ \t]*[(]?[0-9\u0660-\u0669]+[.)\\-:\u2013][ \t]*\\S", re.MULTILINE)
TITLE = re.compile("<<[^<>\n]+>>")
QUOTED = re.compile('^(?:\u00ab.*\u00bb|".*"|\u201c.*\u201d)$', re.DOTALL)  # guillemets, straight, curly
PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\]")
HIGHLIGHT = re.compile(r"\*\*[^*\n]+\*\*|(?<!\*)\*[^*\n]+\*(?!\*)")
FENCE = re.compile(r"^```(?:json)?\s*|\s*```$")
DIACRITISED = 0.5  # diacritics a letter from which a text counts as diacritised: as in cleaning
PROCLITICS = f"[{''.join(CONJUNCTIONS)}]?(?:[{''.join(PREPOSITIONS)}]?{ARTICLE}|{LAM}{LAM}|[{''.join(PREPOSITIONS)}])?"
COMMAS = "," + alphabet.COMMA
DIGITS = (alphabet.WESTERN_DIGITS, alphabet.ARABIC_INDIC_DIGITS)
STRICT = "instruction_strict"
SHARES = ("prompt_strict", "prompt_loose")
Rule = Callable[..., bool]


def score(generated: str, rules: Sequence[Mapping[str, Any]]) -> Values:
    """Whether an answer keeps all its rules (1 or 0), and how many of them, strictly and loosely.

    Args:
        generated: what was written; an empty answer keeps none.
        rules: each a mapping with the name `rule` and its arguments.
    """
    strict = [follows(generated, rule) for rule in rules]
    loose = [any(follows(variant, rule) for variant in variants(generated)) for rule in rules]
    found: Values = {}
    for name, kept in (("strict", strict), ("loose", loose)):
        found[f"prompt_{name}"] = (float(all(kept)), 1.0)
        found[f"instruction_{name}"] = (float(sum(kept)), float(len(kept)))
    return found


def follows(text: str, rule: Mapping[str, Any]) -> bool:
    """Whether a text keeps one rule; an empty one keeps none."""
    arguments = {name: value for name, value in rule.items() if name != "rule"}
    return bool(text.strip()) and RULES[rule["rule"]](text.strip(), **arguments)


def variants(text: str) -> list[str]:
    """The text and what loose accuracy also accepts."""
    lines = text.strip().split("\n")
    parts = (lines, lines[1:], lines[:-1], lines[1:-1])
    whole = ["\n".join(part).strip() for part in parts]
    return list(dict.fromkeys([*whole, *(one.replace("*", "") for one in whole)]))


def words_of(text: str) -> list[str]:
    """Words without diacritics and punctuation."""
    return clean(text, replace(PLAIN, punctuation="drop")).split()


def key_words(text: str) -> list[str]:
    """Words with spelling variants unified."""
    return clean(text, MATCHING_KEY).split()


def between(number: int, at_least: int | None = None, at_most: int | None = None, exactly: int | None = None) -> bool:
    """Whether a number is in a range; bounds that are not given do not bind."""
    if exactly is not None:
        return number == exactly
    return (at_least is None or number >= at_least) and (at_most is None or number <= at_most)


def _words(text: str, **bounds: int) -> bool:
    return between(len(words_of(text)), **bounds)


def _sentences(text: str, **bounds: int) -> bool:
    return between(len(split_sentences(text)), **bounds)


def _lines(text: str, **bounds: int) -> bool:
    return between(sum(bool(line.strip()) for line in text.splitlines()), **bounds)


def _paragraphs(text: str, **bounds: int) -> bool:
    return between(len([part for part in re.split(r"\n\s*\n", text) if part.strip()]), **bounds)


def _characters(text: str, **bounds: int) -> bool:
    return between(len(text), **bounds)


def _bullets(text: str, **bounds: int) -> bool:
    return between(len(BULLET.findall(text)), **bounds)


def _numbered(text: str, **bounds: int) -> bool:
    return between(len(NUMBERED.findall(text)), **bounds)


def _contains(text: str, words: Sequence[str]) -> bool:
    said = f" {' '.join(key_words(text))} "
    return all(f" {' '.join(key_words(word))} " in said for word in words)


def _omits(text: str, words: Sequence[str]) -> bool:
    """A word that is written with a conjunction, a preposition or the article is no other word."""
    said, unwanted = f" {' '.join(key_words(text))} ", (" ".join(key_words(word)) for word in words)
    return not any(re.search(f" {PROCLITICS}{re.escape(word)} ", said) for word in unwanted)


def _word_times(text: str, word: str, **bounds: int) -> bool:
    [wanted] = key_words(word)
    return between(key_words(text).count(wanted), **bounds)


def _letter_times(text: str, letter: str, **bounds: int) -> bool:
    return between(clean(text, PLAIN).count(letter), **bounds)


def _each_word_starts(text: str, letter: str) -> bool:
    return all(word.startswith(letter) for word in words_of(text))


def _starts(text: str, words: str) -> bool:
    found, wanted = key_words(text), key_words(words)
    return found[: len(wanted)] == wanted


def _ends(text: str, words: str) -> bool:
    found, wanted = key_words(text), key_words(words)
    return found[-len(wanted) :] == wanted


def _ends_in_sign(text: str, sign: str) -> bool:
    return text.endswith(sign)


def _no_commas(text: str) -> bool:
    return not any(comma in text for comma in COMMAS)


def _diacritised(text: str) -> bool:
    return float(measure.diacritics_ratio(pl.Series([text], dtype=pl.String))[0]) >= DIACRITISED


def _bare(text: str) -> bool:
    return not any(mark in text for mark in alphabet.HARAKAT)


def _json(text: str, keys: Sequence[str] = ()) -> bool:
    try:
        found = json.loads(FENCE.sub("", text))
    except ValueError:
        return False
    return isinstance(found, dict | list) and all(isinstance(found, dict) and key in found for key in keys)


def _title(text: str) -> bool:
    return bool(TITLE.search(text))


def _quoted(text: str) -> bool:
    return bool(QUOTED.match(text))


def _placeholders(text: str, **bounds: int) -> bool:
    return between(len(PLACEHOLDER.findall(text)), **bounds)


def _highlights(text: str, **bounds: int) -> bool:
    return between(len(HIGHLIGHT.findall(text)), **bounds)


def _digits(text: str, kind: str) -> bool:
    """`western`, `arabic_indic`: there are such digits, and no others; `none`: there are none."""
    western, indic = (any(digit in text for digit in of) for of in DIGITS)
    return (western, indic) == {"western": (True, False), "arabic_indic": (False, True), "none": (False, False)}[kind]


def _language(text: str, language: str) -> bool:
    """Arabic and English are told by the script, which is what such rules can be broken in."""
    return script(text) == {"ar": ARABIC, "en": LATIN}[language]


def _dialect(text: str, dialect: str) -> bool:
    """By our tagger, which errs: the report says how often."""
    return tag(text)[0] == dialect


def _one_of(text: str, choices: Sequence[str]) -> bool:
    return key_words(text) in [key_words(choice) for choice in choices]


def _repeats(text: str, words: str) -> bool:
    """The request again, word for word, before anything else, and then an answer."""
    return _starts(text, words) and len(key_words(text)) > len(key_words(words))


def _separated(text: str, sign: str, parts: int) -> bool:
    found = text.split(sign)
    return len(found) == parts and all(part.strip() for part in found)


RULES: dict[str, Rule] = {
    "words": _words,
    "sentences": _sentences,
    "lines": _lines,
    "paragraphs": _paragraphs,
    "characters": _characters,
    "bullets": _bullets,
    "numbered": _numbered,
    "contains": _contains,
    "omits": _omits,
    "word_times": _word_times,
    "letter_times": _letter_times,
    "each_word_starts": _each_word_starts,
    "starts": _starts,
    "ends": _ends,
    "ends_in_sign": _ends_in_sign,
    "no_commas": _no_commas,
    "diacritised": _diacritised,
    "no_diacritics": _bare,
    "json": _json,
    "title": _title,
    "quoted": _quoted,
    "placeholders": _placeholders,
    "highlights": _highlights,
    "digits": _digits,
    "language": _language,
    "dialect": _dialect,
    "one_of": _one_of,
    "repeats": _repeats,
    "separated": _separated,
}

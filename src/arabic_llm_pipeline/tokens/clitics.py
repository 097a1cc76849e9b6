"""Borders of clitics as patterns, so that a tokenizer's own file can split there and plain transformers reads it.

A pattern knows no language, but it can know a list. The most frequent words of a corpus are divided by a segmenter, and
what stands behind (or before) each clitic becomes a tree of letters that the pattern looks up. There is one pattern for
each place, applied to what the one before left: conjunction, preposition or future, article, pronoun. Words that are in
no list are cut before and behind an article only, which few stems begin with.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic.alphabet import ARABIC_LETTERS
from arabic_llm_pipeline.arabic.morphology import ARTICLE, CONJUNCTIONS, LAM, MARKS, PREPOSITIONS, Pieces

MARK = r"\p{M}*"
BEGIN, STOP = r"\A[^\p{L}\p{M}\p{N}]?", r"\z"  # a word's piece begins with the space before it, or one sign
SHORTEST = 3  # letters behind the article of a word that is in no list
Tree = dict[str, Any]
ARTICLES = 2  # the place of articles: behind conjunctions (0) and prepositions (1)
BY_RULE = tuple(  # words that need no list to be cut at a place
    re.compile(f"{before}.{{{SHORTEST},}}")
    for before in (
        f"[{''.join(CONJUNCTIONS)}](?:[{''.join(PREPOSITIONS)}]?{ARTICLE}|{LAM}{LAM})",
        f"(?:[{''.join(PREPOSITIONS)}]{ARTICLE}|{LAM}{LAM})",
        ARTICLE,
    )
)
END = ""  # key of a tree where a word ends


def bare_counts(words: Mapping[str, int]) -> dict[str, int]:
    """How often each Arabic word is found without its marks, the most frequent first.

    Args:
        words: stretches of text without spaces, and how often each is found.
    """
    frame = pl.DataFrame({"word": list(words), "count": list(words.values())}, schema_overrides={"count": pl.Int64})
    bare = pl.col("word").str.replace_all(f"[{''.join(sorted(MARKS))}]", "")
    found = frame.select(bare.str.extract_all(f"[{ARABIC_LETTERS}]+"), "count").explode("word").drop_nulls()
    counted = found.group_by("word").agg(pl.col("count").sum()).sort("count", "word", descending=[True, False])
    return dict(counted.iter_rows())


def patterns(cut: Iterable[Pieces], whole: Iterable[str]) -> list[str]:
    """Patterns that cut words at their clitics, one for each place.

    Args:
        cut: words that have clitics.
        whole: words that have none, of which some begin as if they had: they are left alone.
    """
    places: list[dict[str, Tree]] = [{}, {}, {}]
    stems: dict[str, Tree] = {}
    articled = set()
    for pieces in cut:
        for place, clitic, rest in _before(pieces):
            if place == ARTICLES:
                articled.add(rest)
            if not BY_RULE[place].fullmatch(clitic + rest):
                _plant(places[place].setdefault(clitic, {}), rest)
        for pronoun in pieces.behind:
            _plant(stems.setdefault(pronoun, {}), pieces.stem)
    known = [word for word in whole if not (word.startswith(ARTICLE) and word[len(ARTICLE) :] in articled)]
    begun = [_begun(*found) for found in zip(places, _unlisted(known), strict=True)]
    ended = [f"{_grown(tree)}(?={_spelt(pronoun)}{STOP})" for pronoun, tree in sorted(stems.items())]
    return [*begun, *([f"{BEGIN}(?:{'|'.join(ended)})"] if ended else [])]


def _before(pieces: Pieces) -> Iterator[tuple[int, str, str]]:
    """Each clitic before a stem: its place (0 to 2), itself, and the rest of the word."""
    for at, clitic in enumerate(pieces.before):
        is_article = clitic == ARTICLE or (clitic == LAM and at > 0 and pieces.before[at - 1] == LAM)
        place = ARTICLES if is_article else 0 if clitic in CONJUNCTIONS else 1
        yield place, clitic, "".join(pieces.parts[at + 1 :])


def _begun(listed: dict[str, Tree], unlisted: str) -> str:
    found = [f"{_spelt(clitic)}(?={_grown(tree)}{STOP})" for clitic, tree in sorted(listed.items())]
    return f"{BEGIN}(?:{'|'.join([*found, unlisted])})"


def _unlisted(whole: list[str]) -> tuple[str, str, str]:
    """What is cut of words that are in no list: an article, and what stands before one."""
    stem = rf"(?:\p{{L}}{MARK}){{{SHORTEST},}}{STOP}"
    article, lam = _spelt(ARTICLE), _spelt(LAM)
    but = [_but(filter(rule.fullmatch, whole)) for rule in BY_RULE]
    with_article = f"(?:(?:{_any(PREPOSITIONS)})?{article}|{lam}{lam}){stem}"
    return (
        f"{but[0]}{_any(CONJUNCTIONS)}(?={with_article})",
        f"{but[1]}(?:{_any(PREPOSITIONS)}(?={article}{stem})|{lam}{lam}(?={stem}))",
        f"(?:{but[2]}{article}(?={stem})|{lam}(?={lam}{STOP}))",  # and the two Lams that were left together
    )


def _but(whole: Iterable[str]) -> str:
    """Refuses words that are known to be whole."""
    tree: Tree = {}
    for word in whole:
        _plant(tree, word)
    return f"(?!{_grown(tree)}{STOP})" if tree else ""


def _plant(tree: Tree, word: str) -> None:
    for letter in word:
        tree = tree.setdefault(letter, {})
    tree[END] = {}


def _grown(tree: Tree) -> str:
    """A pattern that matches the words of a tree, with any marks behind each letter."""
    branches = [f"{letter}{MARK}{_grown(branch)}" for letter, branch in sorted(tree.items()) if letter != END]
    if not branches:
        return ""
    one = branches[0] if len(branches) == 1 and END not in tree else f"(?:{'|'.join(branches)})"
    return f"{one}?" if END in tree else one


def _spelt(letters: str) -> str:
    return "".join(letter + MARK for letter in letters)


def _any(letters: Iterable[str]) -> str:
    return f"[{''.join(letters)}]{MARK}"

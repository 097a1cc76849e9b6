"""Exact match and F1 of extracted answers, three ways side by side, as published figures differ by the way.

- `squad`: the script of SQuAD 1.1 (Rajpurkar et al. 2016): lower case, without ASCII punctuation and a, an, the.
- `mlqa`: the script of MLQA (Lewis et al. 2020) for Arabic: lower case, without any punctuation of Unicode; then every
  Alef and Lam that follow each other, wherever they stand, become a space. That is what its pattern does: the article
  goes, and words that merely hold the two letters fall apart.
- `normalized`: words of MATCHING_KEY: spelling variants, diacritics, punctuation and case unified.

An item's score is its best over the accepted answers. Questions without an answer are scored as in SQuAD 2.0
(Rajpurkar et al. 2018): right if the model says that there is none.
"""

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

import polars as pl

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.evaluation.writing.items import Values

ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")
ARTICLE = alphabet.ALEF + alphabet.LAM
ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
WAYS = ("squad", "mlqa", "normalized")
SHARES = (*(f"exact_{way}" for way in WAYS), "no_answer", "abstained", "exact_squad_v2")
Tokens = list[str]


def squad_tokens(text: str) -> Tokens:
    """The words that SQuAD's script compares."""
    return ENGLISH_ARTICLES.sub(" ", text.lower().translate(ASCII_PUNCTUATION)).split()


def mlqa_tokens(text: str) -> Tokens:
    """The words that MLQA's script compares for Arabic."""
    return text.lower().translate(_punctuation()).replace(ARTICLE, " ").split()


def f1(found: Tokens, wanted: Tokens) -> float:
    """Harmonic mean of precision and recall over words as a bag; 0 where nothing is common, also of two empty texts."""
    common = (Counter(found) & Counter(wanted)).total()
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


def score(generated: Sequence[str], accepted: Sequence[Sequence[str]], no_answer: Sequence[str]) -> list[Values]:
    """Scores of each answer.

    Args:
        generated: what was written.
        accepted: every accepted answer; none: the question has no answer.
        no_answer: what counts as saying so, beside saying nothing.
    """
    says_none = abstained(generated, no_answer)
    unanswerable = any(not answers for answers in accepted)
    found: list[Values] = [{} for _ in generated]
    ways = (squad_tokens, mlqa_tokens, _by_key([*generated, *_all(accepted)]))
    for way, tokens in zip(WAYS, ways, strict=True):
        for place, (text, answers) in enumerate(zip(generated, accepted, strict=True)):
            if answers:
                found[place] |= _best(way, tokens(text), [tokens(answer) for answer in answers])
    for scores, silent, answers in zip(found, says_none, accepted, strict=True):
        if not answers:
            scores["no_answer"] = (float(silent), 1.0)
        if unanswerable:
            scores.update(_second_version(scores, silent, bool(answers)))
    return found


def abstained(generated: Sequence[str], no_answer: Sequence[str]) -> list[bool]:
    """Whether each text says that there is no answer: it is empty, or one of these, spelling and punctuation aside."""
    keys = clean_series(pl.Series([*no_answer, *generated], dtype=pl.String), MATCHING_KEY).to_list()
    phrases = set(keys[: len(no_answer)])
    return [not text.strip() or key in phrases for text, key in zip(generated, keys[len(no_answer) :], strict=True)]


def _second_version(scores: Values, silent: bool, answerable: bool) -> Values:
    """SQuAD 2.0 over all questions: an answer that is withheld is wrong, one that is not there and given, too."""
    if not answerable:
        right = (float(silent), 1.0)
        return {"exact_squad_v2": right, "f1_squad_v2": right}
    exact, overlap = ((0.0, 1.0), (0.0, 1.0)) if silent else (scores["exact_squad"], scores["f1_squad"])
    return {"exact_squad_v2": exact, "f1_squad_v2": overlap, "abstained": (float(silent), 1.0)}


def _best(way: str, found: Tokens, wanted: Sequence[Tokens]) -> Values:
    exact = any(found == tokens for tokens in wanted)
    return {f"exact_{way}": (float(exact), 1.0), f"f1_{way}": (max(f1(found, tokens) for tokens in wanted), 1.0)}


def _all(accepted: Sequence[Sequence[str]]) -> list[str]:
    return [answer for answers in accepted for answer in answers]


def _by_key(texts: Sequence[str]) -> Callable[[str], Tokens]:
    """The words of each text's matching key, all computed at once."""
    different = list(dict.fromkeys(texts))
    keys = clean_series(pl.Series(different, dtype=pl.String), MATCHING_KEY).to_list()
    words = {text: key.split() for text, key in zip(different, keys, strict=True)}
    return words.__getitem__


@lru_cache(maxsize=1)
def _punctuation() -> dict[int, None]:
    """All punctuation of Unicode, and what ASCII counts as such."""
    of_unicode = (code for code in range(sys.maxunicode) if unicodedata.category(chr(code)).startswith("P"))
    return dict.fromkeys([*of_unicode, *map(ord, string.punctuation)])

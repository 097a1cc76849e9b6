"""Judges that are rules: what can be said of an answer without a model."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.script import ARABIC_WORDS, LATIN_WORDS, OTHER_WORDS, counts

ORDERS, BETA = 6, 2  # of chrF: character n-grams up to six, recall twice as important
RUN = 3  # words: an answer in which such runs come again goes round in circles


def overlap(wanted: str, found: str) -> float:
    """The chrF score (Popovic 2015, chrF2) of a text against the one that is wanted, 0 to 1; spaces do not count."""
    scores = []
    for order in range(1, ORDERS + 1):
        a, b = (_ngrams("".join(text.split()), order) for text in (wanted, found))
        if a and b:
            common = (a & b).total()
            precision, recall = common / b.total(), common / a.total()
            total = BETA**2 * precision + recall
            scores.append((1 + BETA**2) * precision * recall / total if total else 0.0)
    return sum(scores) / len(scores) if scores else 0.0


def arabic(answers: Sequence[str], ended: Sequence[bool]) -> list[float]:
    """Whether each answer is Arabic, ends, and does not go round in circles: 0 to 1.

    The share of its words that have Arabic letters (of words with letters at all; figures alone have no language and
    count as Arabic), times the share of its runs of three words that come for the first time; 0 for an answer that was
    cut, or that says nothing.

    Args:
        answers: as texts, without the token that ends them.
        ended: whether each ended by itself.
    """
    words = counts(pl.Series(answers, dtype=pl.String)).astype(float)
    letters = words[:, [ARABIC_WORDS, LATIN_WORDS, OTHER_WORDS]].sum(1)
    share = np.where(letters > 0, words[:, ARABIC_WORDS] / np.maximum(letters, 1), 1.0)
    return [
        float(part) * _new(text) if whole and any(char.isalnum() for char in text) else 0.0
        for part, text, whole in zip(share, answers, ended, strict=True)
    ]


def _new(text: str) -> float:
    """Share of runs of words that were not there before in the text."""
    words = text.split()
    runs = [tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1)]
    return len(set(runs)) / len(runs) if runs else 1.0


def _ngrams(text: str, order: int) -> Counter[str]:
    return Counter(text[place : place + order] for place in range(len(text) - order + 1))

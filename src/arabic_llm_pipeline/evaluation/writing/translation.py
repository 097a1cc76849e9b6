"""Translations against references: chrF++ first, then BLEU, of the whole set, by sacrebleu, with signatures.

chrF++ (Popovic 2017) needs no tokenizer, and its character n-grams forgive Arabic clitics. BLEU (Papineni et al. 2002)
counts words, so its tokenizer decides: `13a` leaves the Arabic comma, semicolon and question mark on the word before
them, `intl` parts them by their Unicode category. Both are given: published figures have the first.

A score of a set is no mean of its sentences' scores, so its interval is a bootstrap over sentences of the counts that
it is made of (Koehn 2004); the same seed draws the same sentences for every candidate, so that differences are paired.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.arabic.script import script_series
from arabic_llm_pipeline.evaluation.statistics import Floats, percentiles, resampled_change, resampled_counts
from arabic_llm_pipeline.evaluation.writing.items import Values

CHRF, CHRFPP, BLEU, BLEU_INTL = "chrf", "chrf++", "bleu_13a", "bleu_intl"
OF_TRANSLATION = (CHRFPP, BLEU, BLEU_INTL)
SENTENCE = "_sentence"  # ends the metrics that are means over sentences
Counts = NDArray[np.int64]
Row = dict[str, Any]


def score(generated: Sequence[str], accepted: Sequence[Sequence[str]]) -> list[Values]:
    """chrF++ of each sentence by itself, and whether it is in the script of its reference.

    Args:
        generated: what was written.
        accepted: the references of each; without any there is nothing to score.
    """
    found = sentences(generated, accepted, CHRFPP)
    first = [answers[0] if answers else None for answers in accepted]
    scripts = zip(*(script_series(pl.Series(texts, dtype=pl.String)) for texts in (generated, first)), strict=True)
    for scores, (told, wanted) in zip(found, scripts, strict=True):
        if wanted is not None:
            scores["same_script"] = (float(told == wanted), 1.0)
    return found


def sentences(generated: Sequence[str], accepted: Sequence[Sequence[str]], metric: str) -> list[Values]:
    """One of the two chrF of each sentence by itself, 0 to 100; BLEU means little for one."""
    scorer = _scorer(metric)
    pairs = zip(generated, accepted, strict=True)
    return [
        {metric + SENTENCE: (scorer.sentence_score(text, list(answers)).score, 1.0)} if answers else {}
        for text, answers in pairs
    ]


def corpus_rows(
    generated: Sequence[str],
    accepted: Sequence[Sequence[str]],
    metrics: Sequence[str],
    resamples: int,
    seed: int,
) -> Iterator[Row]:
    """For each metric its value, 0 to 100, interval, items and signature, as columns of `results.SCORES`.

    Args:
        generated: what was written.
        accepted: the references of each; one at least.
        metrics: of those above.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    for metric in metrics:
        scorer = _scorer(metric)
        counts = _counts(scorer, generated, accepted)
        row = {"metric": metric, "value": _score(scorer, counts.sum(axis=0)), "items": len(generated)}
        if len(generated) > 1:
            low, high = percentiles(_resampled(scorer, counts, resamples, seed))
            row |= {"low": low, "high": high, "interval": "bootstrap over items"}
        yield row | {"harness": f"sacrebleu {scorer.get_signature()}"}


def compared(
    a: Sequence[str], b: Sequence[str], accepted: Sequence[Sequence[str]], metric: str, resamples: int, seed: int
) -> Row:
    """The difference of two candidates on the same sentences, b less a, its interval, and the p that there is none."""
    scorer = _scorer(metric)
    counts = [_counts(scorer, texts, accepted) for texts in (a, b)]
    before, after = (_score(scorer, found.sum(axis=0)) for found in counts)
    drawn = [_resampled(scorer, found, resamples, seed) for found in counts]
    return {"metric": metric, "difference": after - before, "items": len(a), **resampled_change(*drawn)}


def signature(metric: str) -> str:
    """What sacrebleu wants to be named beside a figure; texts have to be scored by it before."""
    return str(_scorer(metric).get_signature())


@cache
def _scorer(metric: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU as Bleu  # noqa: N811
    from sacrebleu.metrics.chrf import CHRF as Chrf  # noqa: N811

    if metric in (CHRF, CHRFPP):
        return Chrf(word_order=2 if metric == CHRFPP else 0)
    return Bleu(tokenize=metric.removeprefix("bleu_"))


def _counts(scorer: Any, generated: Sequence[str], accepted: Sequence[Sequence[str]]) -> Counts:
    """The counts of matches and lengths that a score is made of; [sentences, counts]."""
    most = max(map(len, accepted))
    streams = [[answers[place] if place < len(answers) else None for answers in accepted] for place in range(most)]
    found: Counts = np.array(scorer._extract_corpus_statistics(list(generated), streams), np.int64)
    return found


def _score(scorer: Any, counts: Counts) -> float:
    return float(scorer._compute_score_from_stats(counts.tolist()).score)


def _resampled(scorer: Any, counts: Counts, resamples: int, seed: int) -> Floats:
    sums = [drawn @ counts for drawn in resampled_counts(len(counts), resamples, seed)]  # whole numbers: exact
    return np.array([_score(scorer, row) for row in np.concatenate(sums)])

"""Free answers: likeness to a reference, length, repetition, script, dialect, spelling.

Likeness is ROUGE (Lin 2004; F of rouge-score) and chrF. rouge-score's own tokenizer keeps a to z and digits only: of
Arabic it leaves nothing, and gives 0. Here words are parted by our rules, as they are written (without diacritics and
punctuation) and, in the metrics that end in `_normalized`, with spelling variants unified.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, TextPolicy, clean_series
from arabic_llm_pipeline.arabic.dialect import REGIONS, tag_series
from arabic_llm_pipeline.arabic.script import script_series
from arabic_llm_pipeline.evaluation.writing import repetition, spelling, translation
from arabic_llm_pipeline.evaluation.writing.items import Values

WORDS = spelling.FORM  # as they are written: only what is no matter of spelling is unified
ROUGE = ("rouge1", "rouge2", "rougeL")
VIEWS = {"": WORDS, "_normalized": MATCHING_KEY}  # end of a metric's name -> how its words are written
REFERENCE = "misspelt_reference"  # of the first reference: the same for all candidates
TAGGED = tuple(f"tagged_{region}" for region in (*REGIONS, "unknown"))
SHARES = ("empty", "loop", "same_script", "same_dialect", "tagger_right", *TAGGED)


def score(rows: pl.DataFrame, spellings: Mapping[str, str]) -> list[Values]:
    """Scores of each answer.

    Args:
        rows: `generated`, `answers` (references; none: nothing that needs one), `prompt`, `dialect`, `gold`.
        spellings: from `spelling.listed`.
    """
    generated, accepted = rows["generated"].to_list(), rows["answers"].to_list()
    words = split_words(generated, WORDS)
    found: list[Values] = [repetition.score(answer) | spelling.score(answer, spellings) for answer in words]
    for scores, likeness, chrf in zip(found, _likeness(generated, accepted), _chrf(generated, accepted), strict=True):
        scores.update(likeness | chrf)
    for scores, answer, references in zip(found, words, accepted, strict=True):
        scores["empty"] = (float(not answer), 1.0)
        if references:
            [wanted] = split_words(references[:1], WORDS)
            scores["length_ratio"] = (float(len(answer)), float(len(wanted)))
            scores[REFERENCE] = spelling.score(wanted, spellings)["misspelt"]
    for scores, told in zip(found, _manner(rows), strict=True):
        scores.update(told)
    return found


def split_words(texts: Sequence[str], policy: TextPolicy) -> list[list[str]]:
    """The words of each text by a policy."""
    return [text.split() for text in clean_series(pl.Series(texts, dtype=pl.String), policy).to_list()]


def rouge(scorer: Any, generated: str, accepted: Sequence[str]) -> dict[str, float]:
    """ROUGE-1, 2 and L, each the best F over the references.

    Args:
        scorer: from `scorer_of`.
        generated: what was written.
        accepted: references, one at least.
    """
    found = scorer.score_multi(list(accepted), generated)
    return {name: float(found[name].fmeasure) for name in ROUGE}


def scorer_of(parted: Callable[[str], list[str]]) -> Any:
    """rouge-score's scorer with a way of making words of a text."""
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE), tokenizer=_Words(parted))


class _Words:
    """A tokenizer as rouge-score wants it."""

    def __init__(self, parted: Callable[[str], list[str]]):
        self.tokenize = parted


def _likeness(generated: Sequence[str], accepted: Sequence[Sequence[str]]) -> list[Values]:
    found: list[Values] = [{} for _ in generated]
    every = list(dict.fromkeys([*generated, *(answer for answers in accepted for answer in answers)]))
    for ending, policy in VIEWS.items():
        scorer = scorer_of(dict(zip(every, split_words(every, policy), strict=True)).__getitem__)
        for scores, text, answers in zip(found, generated, accepted, strict=True):
            if answers:
                likeness = rouge(scorer, text, answers)
                scores |= {f"{name}{ending}": (value, 1.0) for name, value in likeness.items()}
    return found


def _chrf(generated: Sequence[str], accepted: Sequence[Sequence[str]]) -> list[Values]:
    return translation.sentences(generated, accepted, translation.CHRF)


def _manner(rows: pl.DataFrame) -> list[Values]:
    """Script and dialect of each answer against its prompt's, and whether the tagger is right about the reference."""
    asked = rows["prompt"].list.last().struct.field("content")
    scripts = zip(script_series(rows["generated"]), script_series(asked), strict=True)
    found: list[Values] = [{"same_script": (float(told == wanted), 1.0)} for told, wanted in scripts]
    tags = tag_series(rows["generated"]).struct.field("dialect")
    of_references = tag_series(rows["answers"].list.first()).struct.field("dialect")
    told = zip(found, rows["dialect"], rows["gold"], tags, of_references, strict=True)
    for scores, dialect, gold, tag, reference in told:
        if gold and dialect in REGIONS:
            scores["same_dialect"] = (float(tag == dialect), 1.0)
            scores |= {f"tagged_{name}": (float(tag == name), 1.0) for name in (*REGIONS, "unknown")}
            if reference is not None:
                scores["tagger_right"] = (float(reference == dialect), 1.0)
    return found

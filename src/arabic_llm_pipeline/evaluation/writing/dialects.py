"""A small set that was written for this: the same sentences, questions and talk in five varieties and English.

As the texts say the same, scores of two varieties differ by the variety alone (and by chance: they are few).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic.dialect import REGIONS
from arabic_llm_pipeline.corpus.records import message
from arabic_llm_pipeline.corpus.tasks import DIRECTION, prompts
from arabic_llm_pipeline.evaluation.writing.items import ASKED, FREE, QUESTIONS, TRANSLATION

FROM_ENGLISH, TO_ENGLISH, TO_MSA = "dialects_from_english", "dialects_to_english", "dialects_to_msa"
ABOUT_TEXTS, TALK = "dialects_questions", "dialects_talk"
SETS = (FROM_ENGLISH, TO_ENGLISH, TO_MSA, ABOUT_TEXTS, TALK)
ENGLISH, MSA = "en", "MSA"
NAMES = {  # as prompts call them: English, standard Arabic, Egyptian, Levantine, Gulf, Moroccan
    ENGLISH: "\u0627\u0644\u0625\u0646\u062c\u0644\u064a\u0632\u064a\u0629",
    MSA: "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0627\u0644\u0641\u0635\u062d\u0649",
    "EGY": "\u0627\u0644\u0645\u0635\u0631\u064a\u0629",
    "LEV": "\u0627\u0644\u0634\u0627\u0645\u064a\u0629",
    "GLF": "\u0627\u0644\u062e\u0644\u064a\u062c\u064a\u0629",
    "MGR": "\u0627\u0644\u0645\u063a\u0631\u0628\u064a\u0629",
}
Texts = Mapping[str, Any]


def from_dialects(limit: int = 0) -> pl.DataFrame:
    """What is asked of the set (`items.ASKED`), of at most `limit` texts of each kind in each variety (0: all)."""
    rows = [
        row | {"measure": measure, "checked": False, "gold": True}
        for kind, (measure, asked) in KINDS.items()
        for place, texts in enumerate(parallel(kind)[: limit or None])
        for row in asked(place, texts)
    ]
    return pl.DataFrame(rows, schema=ASKED)


@cache
def parallel(kind: str) -> Sequence[Texts]:
    """The texts of a kind (translation, question, talk): each says the same in all varieties."""
    path = files("arabic_llm_pipeline.evaluation.writing").joinpath("data", "dialects.jsonl")
    every = map(json.loads, path.read_text("utf-8").splitlines())
    return [texts for texts in every if texts["kind"] == kind]


def _translations(place: int, texts: Texts) -> Iterator[dict[str, Any]]:
    """From English and to it, and of dialects to the standard."""
    for region in REGIONS:
        yield _translation(FROM_ENGLISH, place, texts, ENGLISH, region, region)
        yield _translation(TO_ENGLISH, place, texts, region, ENGLISH, region)
        if region != MSA:
            yield _translation(TO_MSA, place, texts, region, MSA, region)


def _translation(of: str, place: int, texts: Texts, source: str, target: str, dialect: str) -> dict[str, Any]:
    names = {"from": NAMES[source], "to": NAMES[target]}
    told = prompts()["translation"].format(text=texts[source], **names)
    row = _row(of, place, dialect, told, [texts[target]])
    return row | {"family": DIRECTION.format(names["from"], names["to"])}


def _questions(place: int, texts: Texts) -> Iterator[dict[str, Any]]:
    for region in REGIONS:
        text = texts[region]
        told = prompts()["question_answering_context"].format(context=text["passage"], question=text["question"])
        yield _row(ABOUT_TEXTS, place, region, told, text["answers"]) | {"passage": text["passage"]}


def _talk(place: int, texts: Texts) -> Iterator[dict[str, Any]]:
    for region in REGIONS:
        yield _row(TALK, place, region, texts[region]["question"], [texts[region]["answer"]])


def _row(of: str, place: int, dialect: str, told: str, answers: Sequence[str]) -> dict[str, Any]:
    about = {"set": of, "id": f"{of}/{dialect}/{place:02d}", "dialect": dialect}
    return about | {"prompt": [message("user", told)], "answers": list(answers), "family": None, "passage": None}


KINDS = {"translation": (TRANSLATION, _translations), "question": (QUESTIONS, _questions), "talk": (FREE, _talk)}

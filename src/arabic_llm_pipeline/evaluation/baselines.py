"""What needs no model: the answer that is most frequent, and the answer to the most similar training prompt.

A model that is not above these in a family of prompts has learned nothing of it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.common.progress import track
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation import exact_match
from arabic_llm_pipeline.evaluation.formats import question
from arabic_llm_pipeline.evaluation.held_out import HeldOut, drawn, kept
from arabic_llm_pipeline.evaluation.ngrams import Index

CHARACTERS = 500  # of a training prompt: what comes after is a text to work on more often than the question
SAID = pl.col("messages").list.eval(pl.element().struct.field("role"))
Scores = dict[str, Any]


def score(documents: ShardSet, asked: HeldOut, limit: int, seed: int) -> dict[str, Scores]:
    """Accuracy of each baseline by family, and the ids of the items it has right.

    Args:
        documents: whose training split is searched.
        asked: the items; those of the development split tell which answers a family has.
        limit: training prompts in which to look, at most; 0: all.
        seed: which they are, if there are more.
    """
    taught = training_prompts(documents, limit, seed)
    given = {
        "most_frequent_answer": most_frequent(asked, taught["answer"].to_list()),
        "nearest_training_prompt": nearest(asked.items, taught),
    }
    return {name: _scores(asked, answers) for name, answers in given.items()}


def training_prompts(documents: ShardSet, limit: int, seed: int) -> pl.DataFrame:
    """What the model is taught to answer: id, prompt (all before the first answer), answer."""
    talks = kept(documents, "train").filter(pl.col("kind") != "prose")
    rows = drawn(talks.filter(SAID.list.contains("assistant")), "kind", limit, seed)
    found = [_first_answer(messages) for messages in rows["messages"].to_list()]
    prompts, answers = [prompt for prompt, _ in found], [answer for _, answer in found]
    return rows.select("id", pl.Series("prompt", prompts, pl.String), pl.Series("answer", answers, pl.String))


def most_frequent(asked: HeldOut, taught: Sequence[str]) -> list[str]:
    """For each item the most frequent answer of its family among development items; in training, where there are none.

    Training documents do not say which family of prompts they belong to, development items do.
    """
    overall = _mode(taught)
    groups = asked.dev.group_by("family").agg(pl.col("answers").list.first()).iter_rows()
    known = {family: _mode(answers) for family, answers in groups}
    return [known.get(family, overall) for family in asked.items["family"]]


def nearest(items: pl.DataFrame, taught: pl.DataFrame) -> list[str]:
    """For each item the answer to the training prompt that is most like it; empty where none has anything of it."""
    if not len(taught) or not len(items):
        return [""] * len(items)
    index = Index(clean_series(taught["prompt"].str.head(CHARACTERS), MATCHING_KEY).to_list())
    prompts = pl.Series([question(prompt) for prompt in items["prompt"].to_list()], dtype=pl.String)
    found = [index.nearest(text) for text in track(clean_series(prompts, MATCHING_KEY).to_list(), "Nearest prompts")]
    answers = taught["answer"].to_list()
    return ["" if place is None else answers[place] for place in found]


def _scores(asked: HeldOut, answers: Sequence[str]) -> Scores:
    judged = exact_match.judged(asked.items, answers, [True] * len(answers))
    right = judged.filter(pl.col("strict"))["item_id"].to_list()
    return {"accuracy": exact_match.rows(judged, asked.unanswerable), "right": right}


def _first_answer(messages: Sequence[dict[str, str]]) -> tuple[str, str]:
    place = next(place for place, message in enumerate(messages) if message["role"] == "assistant")
    return question(messages[:place]), messages[place]["content"]


def _mode(answers: Sequence[str]) -> str:
    """The most frequent; of equals the first in the alphabet, whatever the order they came in."""
    counts = Counter(map(exact_match.bare, answers))
    return min(counts, key=lambda answer: (-counts[answer], answer), default="")

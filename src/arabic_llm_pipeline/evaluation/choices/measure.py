"""All that is measured of one candidate by the likelihood of choices."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.choices import asking, scoring, tables
from arabic_llm_pipeline.evaluation.choices.asking import CLASSIFICATION, LABELS, Asked, Asking, Row
from arabic_llm_pipeline.evaluation.held_out import CHOOSABLE, drawn, kept, of_part
from arabic_llm_pipeline.evaluation.results import VALUES, missing, score_table
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from arabic_llm_pipeline.tokens.chat import Renderer

log = logging.getLogger(__name__)
POOL = 200  # items of each task from which examples are taken, at most
NOTHING = "no held-out item with choices"
Frames = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Questions:
    """Items with choices, and a label that says which is right.

    Attributes:
        items: of the test split.
        pool: whose answers may be shown: of the development split, or of training, for tasks that have none there.
        dev: of the development split, on which a format is chosen.
        unfit: test items left out, by set: their label is none of their choices, there is but one, or one is blank.
    """

    items: pl.DataFrame
    pool: pl.DataFrame
    dev: pl.DataFrame
    unfit: dict[str, int]


def questions(items: ShardSet, settings: ChoicesSettings, seed: int) -> Questions:
    """Read what is asked."""
    asked = {split: of_part(kept(items, split), "choices") for split in ("train", "dev", "test")}
    unfit = asked["test"].filter(~CHOOSABLE.fill_null(False)).group_by("source").len().sort("source").collect()
    dev = drawn(asked["dev"].filter(CHOOSABLE), "task", POOL, seed)
    train = drawn(asked["train"].filter(CHOOSABLE), "task", POOL, seed)
    pool = pl.concat([dev, train.filter(~pl.col("task").is_in(dev["task"].unique().implode()))])
    shown = (
        drawn(asked["dev"].filter(CHOOSABLE), "task", settings.dev_items, seed) if settings.dev_items else dev.clear()
    )
    return Questions(
        drawn(asked["test"].filter(CHOOSABLE), "source", settings.items, seed), pool, shown, dict(unfit.rows())
    )


def measure(
    candidate: Candidate, asked: Questions, settings: ChoicesSettings, seed: int, seen: Collection[str]
) -> Frames:
    """Scores (rows of `results.SCORES`), values (`results.VALUES`), and the likelihoods behind them (`tables.ANSWERS`).

    Args:
        candidate: what is measured, with the formats that are tried.
        asked: on what.
        settings: how.
        seed: of the examples and of the bootstrap.
        seen: ids of items that stand in what was trained on.
    """
    asker = _Asker(candidate, settings, seed)
    rows: list[dict[str, Any]] = [
        missing(
            tables.CHOICES,
            source,
            "left_out",
            f"{count} items whose label is none of their choices, with one choice, or a blank one",
        )
        for source, count in asked.unfit.items()
    ]
    if not len(asked.items):
        rows.append(missing(tables.CHOICES, "all", "acc", NOTHING))
        return score_table(rows), VALUES.to_frame(), tables.ANSWERS.to_frame()
    chosen = asker.format(asked)
    answers, lacking = asker.answers(asked.items, asked.pool, chosen)
    found, values = tables.score(answers, settings, seed, seen)
    return score_table([*rows, *lacking, *found]), values, answers


class _Asker:
    """A candidate that is asked by the settings."""

    def __init__(self, candidate: Candidate, settings: ChoicesSettings, seed: int):
        self.candidate, self.settings, self.seed = candidate, settings, seed
        self.renderer = Renderer(candidate.tokenizer)

    def format(self, asked: Questions) -> str:
        """The format in which most development items are right, in the first way and without examples."""
        tried, first = self.candidate.formats, self.candidate.formats[0]
        if len(tried) == 1 or not len(asked.dev):
            return first
        quick = self.settings.model_copy(update={"ways": self.settings.ways[:1], "shots": (0,), "contextual": False})
        asker, right = _Asker(self.candidate, quick, self.seed), {}
        for name in tried:
            answers, _ = asker.answers(asked.dev, asked.pool, name)
            right[name] = float(scoring.decided(answers, scoring.SUM)["right"].mean())  # type: ignore[arg-type]
        log.info(
            "%s is asked in %s: right on development items: %s",
            self.candidate.name,
            max(right, key=right.__getitem__),
            right,
        )
        return max(tried, key=lambda name: right[name])

    def answers(self, items: pl.DataFrame, pool: pl.DataFrame, name: str) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
        """Rows of `tables.ANSWERS` of all items in all ways, with all numbers of examples; and rows of what lacks."""
        found, lacking = [tables.ANSWERS.to_frame()], []
        shown = pool.to_dicts()
        for way, part in self._ways(items):
            rows = part.to_dicts()
            for shots in self.settings.shots:
                examples = asking.chosen_examples(shown, rows, shots, self.seed)
                have = [len(of_one) == shots for of_one in examples]
                lacking += self._without_examples(part, have, way, shots)
                kept_rows = [row for row, enough in zip(rows, have, strict=True) if enough]
                kept_examples = [of_one for of_one, enough in zip(examples, have, strict=True) if enough]
                if kept_rows:
                    asker = Asking(name, way, self.settings.letters, self.renderer)
                    found.append(self._asked(asker, kept_rows, kept_examples, shots))
        return pl.concat(found), lacking

    def _ways(self, items: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
        """The ways in which items are asked, with those that are asked so."""
        classes = items.filter(pl.col("kind") == CLASSIFICATION)
        others = items.filter(pl.col("kind") != CLASSIFICATION)
        ways = [(LABELS, classes), *((way, others) for way in self.settings.ways)]
        return [(way, part) for way, part in ways if len(part)]

    def _without_examples(self, part: pl.DataFrame, have: Sequence[bool], way: str, shots: int) -> list[dict[str, Any]]:
        lacking = part.filter(~pl.Series(have, dtype=pl.Boolean))
        counts = lacking.group_by("source", "task", "kind").len().sort("source").iter_rows()
        why = "{} items: their task {} has fewer than {} other items in dev or train to show"
        return [
            missing(
                tables.measure_of(task, kind, self.settings.culture), source, tables.metric(way, "acc", "", shots),
                why.format(count, task, shots),
            )
            for source, task, kind, count in counts
        ]  # fmt: skip

    def _asked(self, asker: Asking, rows: Sequence[Row], examples: Sequence[Sequence[Row]], shots: int) -> pl.DataFrame:
        label = f"{asker.way.replace('_', ' ').capitalize()}, {shots} examples ({asker.format.replace('_', ' ')})"
        asked = asker.asked(rows, examples)
        found = self._likelihoods(asked, label, rows)
        unconditional = self._unconditional(asker, rows) if "unconditional" in self.settings.rules else None
        calibrated = self._calibrated(asker, rows, examples, found.totals) if asker.way == LABELS else None
        decode = self.candidate.tokenizer.decode
        return pl.DataFrame(
            {
                "id": [row["id"] for row in rows],
                "measure": [tables.measure_of(row["task"], row["kind"], self.settings.culture) for row in rows],
                "set": [row["source"] for row in rows],
                "task": [row["task"] for row in rows],
                "kind": [row["kind"] for row in rows],
                "family": [row["family"] for row in rows],
                "dialect": [row["dialect"] for row in rows],
                "format": asker.format,
                "way": asker.way,
                "shots": shots,
                "prompt": [decode(one.context) for one in asked],
                "prompt_digest": [_digest(one) for one in asked],
                "cut": found.cut,
                "choices": [row["choices"] for row in rows],
                "label": [row["label"] for row in rows],
                "log_probabilities": [row.tolist() for row in found.totals],
                "tokens": found.tokens,
                "unconditional": unconditional,
                "calibrated": calibrated,
            },
            schema=tables.ANSWERS,
        )

    def _likelihoods(self, asked: Sequence[Asked], label: str, rows: Sequence[Row]) -> scoring.Likelihoods:
        names = [f"item {row['id']}" for row in rows]
        found = scoring.likelihoods(self.candidate, asked, self.settings.batch_size, label, names)
        if cut := sum(found.cut):
            log.warning(
                "%s: %d of %d prompts are longer than the %d tokens that %s can see: their beginning is cut.",
                label, cut, len(asked), self.candidate.context, self.candidate.name,
            )  # fmt: skip
        return found

    def _unconditional(self, asker: Asking, rows: Sequence[Row]) -> list[list[float] | None]:
        """Log-probabilities of the choices where nothing is asked; each list of choices once. None for letters."""
        if asker.way not in ("answers", "listed_answers"):
            return [None] * len(rows)
        once = {tuple(row["choices"]): row for row in rows}
        bare = replace(asker, way="answers")  # with the choices listed it would not be bare
        asked = bare.unconditional(list(once.values()))
        totals = self._likelihoods(asked, "Choices by themselves", list(once.values())).totals
        known = dict(zip(once, totals, strict=True))
        return [known[tuple(row["choices"])].tolist() for row in rows]

    def _calibrated(
        self, asker: Asking, rows: Sequence[Row], examples: Sequence[Sequence[Row]], totals: Sequence[np.ndarray]
    ) -> list[list[float] | None]:
        """Contextually calibrated probabilities; None where an item's prompt does not hold its text as it is."""
        if not self.settings.contextual:
            return [None] * len(rows)
        asked, places = [], []
        for place, (row, shown) in enumerate(zip(rows, examples, strict=True)):
            empty = [asking.content_free(row, text) for text in self.settings.content_free]
            if all(empty):
                asked += [(one, shown) for one in empty]
                places.append(place)
        free = self._content_free(asker, asked)
        each = len(self.settings.content_free)
        found: list[list[float] | None] = [None] * len(rows)
        for n, place in enumerate(places):
            found[place] = scoring.calibrated(totals[place], free[n * each : (n + 1) * each])
        return found

    def _content_free(self, asker: Asking, asked: Sequence[tuple[Any, Sequence[Row]]]) -> list[np.ndarray]:
        """Log-probabilities of the labels of texts that say nothing; each prompt once, as most items share theirs."""
        prompts = asker.asked([row for row, _ in asked], [shown for _, shown in asked])
        keys = [_digest(one) for one in prompts]
        once = {key: (one, row) for key, one, (row, _) in zip(keys, prompts, asked, strict=True)}
        rows = [row for _, row in once.values()]
        totals = self._likelihoods([one for one, _ in once.values()], "Texts that say nothing", rows).totals
        known = dict(zip(once, totals, strict=True))
        return [known[key] for key in keys]


def _digest(asked: Asked) -> str:
    """Of a prompt and its choices, as the model saw them."""
    digest = blake2b(digest_size=8)
    for ids in (asked.context, *asked.choices):
        digest.update(np.asarray(ids, np.int64).tobytes() + b"\0")
    return digest.hexdigest()

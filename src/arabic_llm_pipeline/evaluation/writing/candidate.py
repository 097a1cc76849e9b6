"""All that one candidate writes, scored: answers with their scores, values behind them, tables of scores."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation import formats
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.generation import GREEDY, Generated, generate
from arabic_llm_pipeline.evaluation.held_out import first_of
from arabic_llm_pipeline.evaluation.results import (
    ALL,
    VALUES,
    harness,
    missing,
    parts,
    score_rows,
    score_table,
    seen_share,
)
from arabic_llm_pipeline.evaluation.writing import free, rules, squad, translation
from arabic_llm_pipeline.evaluation.writing.dialects import from_dialects
from arabic_llm_pipeline.evaluation.writing.items import (
    ASKED,
    FREE,
    MEASURES,
    QUESTIONS,
    RULES,
    TRANSLATION,
    Values,
    asked,
    from_items,
    ruled,
)
from arabic_llm_pipeline.evaluation.writing.prompts import Shown, shown
from arabic_llm_pipeline.parameters.writing import WritingSettings
from arabic_llm_pipeline.tokens.chat import Renderer

log = logging.getLogger(__name__)
SCORE = pl.Struct({"metric": pl.String, "value": pl.Float64, "weight": pl.Float64})
SHARES = (*squad.SHARES, *free.SHARES, *rules.SHARES, "stopped", "cut", "empty")
FIRST = {QUESTIONS: "f1_squad", TRANSLATION: translation.CHRFPP, FREE: "rougeL", RULES: "prompt_strict"}
CHOSEN_BY = FIRST | {TRANSLATION: f"{translation.CHRFPP}{translation.SENTENCE}"}  # a mean over items
CORPUS = {TRANSLATION: translation.OF_TRANSLATION, FREE: (translation.CHRF,)}
ONE_LINE = (QUESTIONS, TRANSLATION)  # other answers may have many lines
NEXT = f"\n{formats.QUESTION}:"  # where a base that goes on asks itself the next question
TELL_NO_ANSWER = (  # "If the answer is not in the text, write: ..."
    "\u0625\u0646 \u0644\u0645 \u064a\u0643\u0646 \u0627\u0644\u062c\u0648\u0627\u0628 \u0641\u064a "
    "\u0627\u0644\u0646\u0635 \u0641\u0627\u0643\u062a\u0628: "
)
NO_ITEMS = {
    QUESTIONS: "no test item of the kind question_answering",
    TRANSLATION: "no test item of the kind translation",
    FREE: "no test item of the kind free_answers, and no instruction in the test split",
    RULES: "no prompt with rules",
}
Measured = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


class Writer:
    """A candidate that is asked to write."""

    def __init__(
        self,
        candidate: Candidate,
        settings: WritingSettings,
        seed: int,
        spellings: Mapping[str, str],
        seen: Collection[str] = (),
    ):
        """Who is asked, and how; `spellings` from `spelling.spellings`, `seen` from `evaluation.seen.taught`."""
        self.candidate, self.settings, self.seed = candidate, settings, seed
        self.spellings, self.seen = spellings, seen
        self.renderer = Renderer(candidate.tokenizer)

    def measure(self, documents: ShardSet, items: ShardSet) -> Measured:
        """Scores (`results.SCORES`), values (`results.VALUES`), and every answer with its scores."""
        rows = pl.concat([asked(documents, items, self.settings, self.seed), self._own()])
        dev = from_items(items, "dev", 0, self.seed)
        found, scores = [], []
        for measure in MEASURES:
            part = rows.filter(pl.col("measure") == measure)
            if not len(part):
                scores.append(missing(measure, ALL, FIRST[measure], NO_ITEMS[measure]))
                continue
            examples = dev.filter((pl.col("measure") == measure) & (pl.col("answers").list.len() > 0))
            name = self._format(measure, examples)
            for _, of_set in part.group_by("set", maintain_order=True):
                answers, digest = self._answered(measure, of_set, examples, name)
                found.append(answers)
                scores += list(self._rows(measure, answers, digest))
        answers = pl.concat(found) if found else pl.DataFrame()
        return score_table(scores), values_of(answers), answers

    def _own(self) -> pl.DataFrame:
        """The set in five varieties, unless it is not wanted."""
        texts = self.settings.dialect_texts
        return from_dialects(texts or 0) if texts is not None else pl.DataFrame(schema=ASKED)

    def _format(self, measure: str, dev: pl.DataFrame) -> str:
        """The format in which development items are answered best; the first, where there are none."""
        names = self.candidate.formats
        sample = first_of(dev, "set", self.settings.dev_items)
        if len(names) == 1 or not len(sample):
            return names[0]
        tried = {name: _mean(self._answered(measure, sample, dev, name)[0], CHOSEN_BY[measure]) for name in names}
        log.info("%s, %s: %s", self.candidate.name, measure, tried)
        return max(tried, key=lambda name: tried[name])

    def _answered(self, measure: str, items: pl.DataFrame, dev: pl.DataFrame, name: str) -> tuple[pl.DataFrame, str]:
        """The items with what was written and its scores, and the digest of the prompts."""
        room = self.candidate.context - self._length(measure)
        examples = formats.examples(dev, self.seed) if len(dev) else {}
        prompts = shown(name, items, examples, self.renderer, room, self._told(measure, items))
        written = self._written(measure, items["id"].to_list(), prompts, name)
        answers = items.with_columns(
            pl.Series("format", [name] * len(items), pl.String),
            pl.Series("generated", [one.text for one in written], pl.String),
            pl.Series("stopped", [one.stopped for one in written], pl.Boolean),
            pl.Series("cut", prompts.cut, pl.Boolean),
        )
        scores = [_long(found | of) for found, of in zip(_always(answers), self._scored(measure, answers), strict=True)]
        return answers.with_columns(pl.Series("scores", scores, pl.List(SCORE))), formats.digest(prompts.ids)

    def _written(self, measure: str, ids: list[str], prompts: Shown, name: str) -> list[Generated]:
        by_line = formats.ends_at_line(name) and measure in ONE_LINE
        found = generate(
            self.candidate.model,
            self.candidate.tokenizer,
            prompts.ids,
            stop_ids=self.renderer.stop_ids,
            stop_at_line=by_line,
            max_new_tokens=self._length(measure),
            batch_size=self.settings.batch_size,
            label=f"{self.candidate.name}: {measure.replace('_', ' ')}",
            names=[f"item {id_}" for id_ in ids],
            sampling=self._sampling(),
        )
        plain = [Generated(one.text.strip(), one.stopped) for one in found]
        return [_ended(one) for one in plain] if name != formats.CHAT else plain

    def _sampling(self) -> Mapping[str, Any]:
        if not self.settings.temperature:
            return GREEDY
        import torch

        torch.manual_seed(self.seed)
        return {"do_sample": True, "temperature": self.settings.temperature, "top_p": self.settings.top_p, "top_k": 0}

    def _length(self, measure: str) -> int:
        lengths = {QUESTIONS: self.settings.answer_tokens, TRANSLATION: self.settings.translation_tokens}
        wanted = lengths.get(measure, self.settings.text_tokens)
        return min(wanted, self.candidate.context // 2)  # half of what the model sees is the prompt's at least

    def _told(self, measure: str, items: pl.DataFrame) -> str:
        """What to write where there is no answer, if the set has such questions."""
        some = measure == QUESTIONS and (items["answers"].list.len() == 0).any()
        return TELL_NO_ANSWER + self.settings.no_answer[0] if some and self.settings.tell_no_answer else ""

    def _scored(self, measure: str, answers: pl.DataFrame) -> list[Values]:
        generated, accepted = answers["generated"].to_list(), answers["answers"].to_list()
        if measure == QUESTIONS:
            return squad.score(generated, accepted, self.settings.no_answer)
        if measure == TRANSLATION:
            return translation.score(generated, accepted)
        if measure == FREE:
            return free.score(answers, self.spellings)
        by_id = {row["id"]: row["rules"] for row in ruled()}
        return [rules.score(text, by_id[of]) for text, of in zip(generated, answers["id"], strict=True)]

    def _rows(self, measure: str, answers: pl.DataFrame, digest: str) -> Iterator[dict[str, Any]]:
        """Scores of one set."""
        settings, name = self.settings, answers["format"][0]
        sampled = f"temperature {settings.temperature:g}, top_p {settings.top_p:g}"
        about = {
            "format": name,
            "shots": formats.SHOTS.get(name, 0),
            "decoding": sampled if settings.temperature else "greedy",
            "prompts": digest,
            "harness": harness(),
            "view": "text",
        }
        seen = self.seen if answers["checked"].all() else None
        how: dict[str, Any] = {"shares": SHARES, "about": about, "seen": seen}
        for row in score_rows(values_of(answers), settings.resamples, self.seed, **how):
            yield row | ({"view": "text_normalized"} if row["metric"].endswith("_normalized") else {})
        if measure in CORPUS:
            yield from _whole_sets(measure, answers, settings, self.seed, about, seen)
        if measure == RULES:
            yield from _by_rule(score_rows(_rule_values(answers), settings.resamples, self.seed, **how))


def values_of(answers: pl.DataFrame) -> pl.DataFrame:
    """A row (`results.VALUES`) for each answer and metric."""
    if not len(answers):
        return pl.DataFrame(schema=VALUES)
    return answers.explode("scores").unnest("scores").select(VALUES.names())


def _whole_sets(
    measure: str,
    answers: pl.DataFrame,
    settings: WritingSettings,
    seed: int,
    about: Mapping[str, Any],
    seen: Collection[str] | None,
) -> Iterator[dict[str, Any]]:
    """Scores that are no sum over items, by dialect and family, too; a row that says why, without references."""
    key = {"measure": measure, "set": answers["set"][0], "seed": seed}
    rows = answers.filter(pl.col("answers").list.len() > 0)
    if not len(rows):
        why = "no item of this set has a reference: name the column of `answers` (of a translation: `translation`)"
        yield from (missing(measure, key["set"], metric, why) for metric in CORPUS[measure])
        return
    corpus = partial(translation.corpus_rows, metrics=CORPUS[measure], resamples=settings.resamples, seed=seed)
    for by, group, part in parts(rows, seen):
        known = {} if seen is None else {"seen": seen_share(part["id"], seen)}
        for row in corpus(part["generated"].to_list(), part["answers"].to_list()) if len(part) else ():
            yield {**about, **key, "by": by, "group": group} | row | known


def _rule_values(answers: pl.DataFrame) -> pl.DataFrame:
    """A row (`results.VALUES`) for each answer and rule, the rule as the family."""
    by_id = {row["id"]: row["rules"] for row in ruled()}
    rows = [
        {"measure": RULES, "set": of, "metric": rules.STRICT, "id": id_, "dialect": dialect, "family": rule["rule"]}
        | {"value": float(rules.follows(text, rule)), "weight": 1.0}
        for of, id_, dialect, text in answers.select("set", "id", "dialect", "generated").iter_rows()
        for rule in by_id[id_]
    ]
    return pl.DataFrame(rows, schema=VALUES)


def _by_rule(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from (row | {"by": "rule"} for row in rows if row["by"] == "family")


def _always(answers: pl.DataFrame) -> Iterator[Values]:
    for text, stopped, cut in answers.select("generated", "stopped", "cut").iter_rows():
        yield {"stopped": (float(stopped), 1.0), "cut": (float(cut), 1.0), "empty": (float(not text), 1.0)}


def _ended(one: Generated) -> Generated:
    """What a base wrote before it asked itself the next question, which is its way of having answered."""
    before, found, _ = one.text.partition(NEXT)
    return Generated(before.strip(), True) if found else one


def _long(scores: Values) -> list[dict[str, Any]]:
    return [{"metric": name, "value": value, "weight": weight} for name, (value, weight) in scores.items()]


def _mean(answers: pl.DataFrame, metric: str) -> float:
    found = values_of(answers).filter(pl.col("metric") == metric)
    return float(found["value"].sum()) / max(float(found["weight"].sum()), 1.0)

"""Steps from models to scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.pipelines.evaluate.candidates import load
from arabic_llm_pipeline.recipes import instructed

Evaluated = tuple[dict[str, Any], pl.DataFrame, pl.DataFrame]


def evaluate(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    pairs: ShardSet,
    items: ShardSet,
    seen_items: pl.DataFrame,
    settings: EvaluateSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path | None = None,
    reference: pl.DataFrame | None = None,
    candidate: str,
) -> Evaluated:
    """Scores of one candidate, its answers, and the values behind the scores.

    Args:
        base_model: which base.
        tokenizer: directory.
        pairs: those of the test split are scored.
        items: those of the test split are asked; those of dev choose the base's prompt format.
        seen_items: test items that stand in what was trained on.
        settings: how much of them, and how.
        model: how the base is loaded.
        seed: of what is drawn.
        adapter: of the stage that made the candidate; none for the base.
        reference: details of the candidate that a preference stage started from.
        candidate: its name; last, because Kedro counts the arguments that are inputs from the first.
    """
    from arabic_llm_pipeline.evaluation.candidate import evaluate_candidate
    from arabic_llm_pipeline.evaluation.formats import CHAT
    from arabic_llm_pipeline.evaluation.held_out import held_out
    from arabic_llm_pipeline.evaluation.seen import taught

    asked = held_out(pairs, items, settings, seed)
    formats = (CHAT,) if instructed(candidate) else settings.formats
    found = load(candidate, base_model, adapter, tokenizer, model, formats)
    return evaluate_candidate(found, asked, settings, seed, reference, taught(seen_items))


def score_baselines(
    documents: ShardSet, pairs: ShardSet, items: ShardSet, settings: EvaluateSettings, seed: int
) -> dict[str, Any]:
    """Accuracy of what needs no model, on the same items."""
    from arabic_llm_pipeline.evaluation import baselines
    from arabic_llm_pipeline.evaluation.held_out import held_out

    asked = held_out(pairs, items, settings, seed)
    return baselines.score(documents, asked, settings.training_prompts, seed)


def compare(
    baselines: dict[str, Any], settings: EvaluateSettings, seed: int, **frames: pl.DataFrame
) -> list[dict[str, Any]]:
    """Paired tests between the candidates, and against the baselines.

    Args:
        baselines: scores of what needs no model.
        settings: how many resamples.
        seed: of the bootstrap.
        frames: `<candidate>_answers`, `<candidate>_details` and `<candidate>_language_values`, the base first.
    """
    from arabic_llm_pipeline.evaluation.comparison import Measured, compare

    names = [key.removesuffix("_answers") for key in frames if key.endswith("_answers")]
    kinds = ("answers", "details", "language_values")
    measured = {name: Measured(*(frames[f"{name}_{kind}"] for kind in kinds)) for name in names}
    return compare(measured, baselines, settings, seed)


def compare_by_kind(
    *, settings: EvaluateSettings, choices: ChoicesSettings, seed: int, kinds: Sequence[str], **frames: pl.DataFrame
) -> pl.DataFrame:
    """Rows of `evaluation.paired.PAIRED`, of all that is measured by kind.

    Args:
        settings: how many resamples.
        choices: by which rules classification is scored.
        seed: of the bootstrap.
        kinds: of measures.
        frames: `<candidate>_<kind>_values`, `<candidate>_writing_answers` and `<candidate>_choices_answers`, the base
            first.
    """
    from arabic_llm_pipeline.evaluation import whole_sets
    from arabic_llm_pipeline.evaluation.paired import paired
    from arabic_llm_pipeline.evaluation.robustness.measure import of_levels

    names = [name.removesuffix("_writing_answers") for name in frames if name.endswith("_writing_answers")]
    found = {name: {kind: frames[f"{name}_{kind}_values"] for kind in kinds} for name in names}
    values = {
        name: pl.concat(of_levels(frame) if kind == "robustness" else frame for kind, frame in of_one.items())
        for name, of_one in found.items()
    }
    written, chosen = ({name: frames[f"{name}_{kind}_answers"] for name in names} for kind in ("writing", "choices"))
    resamples = settings.resamples
    tests = [paired(values, resamples, seed), whole_sets.written(written, resamples, seed)]
    return pl.concat([*tests, whole_sets.classified(chosen, choices, resamples, seed)])

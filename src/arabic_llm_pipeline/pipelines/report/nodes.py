"""Steps from figures to the page and to the plots that stand in the catalog by themselves."""

from collections.abc import Sequence
from typing import Any


def make_report(
    *, candidates: Sequence[str], stages: Sequence[str], reward_models: Sequence[str] = (), **entries: Any
) -> str:
    """The page of an experiment.

    Args:
        candidates: the base, then what each of the `stages` made that writes.
        stages: what was trained.
        reward_models: the others of the stages.
        entries: of the catalog and parameters, by their names.
    """
    from arabic_llm_pipeline.reporting.inputs import Inputs
    from arabic_llm_pipeline.reporting.page import render

    return render(Inputs(candidates, stages, entries, reward_models))


def collect_scores(**entries: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Every score of every candidate in one shape, as a frame and as rows; those of encoders last.

    Args:
        entries: what holds scores, by its name.
    """
    import polars as pl

    from arabic_llm_pipeline.evaluation.collected import all_scores, of_candidates

    found = [all_scores(own, name) for name, own in of_candidates(entries).items()]
    of_encoders = entries["encoder_scores"].select(pl.lit("encoders").alias("candidate"), pl.all())
    table = pl.concat([*found, of_encoders])
    return table, table.to_dicts()


def collect_tests(paired_tests: Any) -> tuple[Any, list[dict[str, Any]]]:
    """The paired tests of all kinds, as a frame and as rows."""
    return paired_tests, paired_tests.to_dicts()


def draw_funnel(funnel: list[dict[str, Any]]) -> Any:
    """What became of each source's records, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.data import funnel_plot

    return funnel_plot(funnel)


def draw_rewards(scores: dict[str, Any], details: Any) -> Any:
    """Rewards of chosen and rejected answers, and how far they can be relied on, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.reward import rewards_plot

    return rewards_plot(scores, details)


def draw_training(**logs: Any) -> Any:
    """The loss of every stage, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.plots import panels

    return panels([(name.removesuffix("_log"), log["step"], log["loss"]) for name, log in logs.items()], "loss")


def draw_scores(baseline_scores: dict[str, Any], **scores: dict[str, Any]) -> Any:
    """Accuracy by family of all candidates and baselines, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.accuracy import accuracy_plot

    return accuracy_plot({name.removesuffix("_scores"): found for name, found in scores.items()}, baseline_scores)

"""From filled sheets to scores, and to their plot."""

import logging
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.human import FILLED, HumanSettings

log = logging.getLogger(__name__)


def score_human(
    human_files: FoundFiles, human_key: dict[str, Any], human: HumanSettings, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores with intervals and the agreement of the raters, and every rating with what it is of."""
    from arabic_llm_pipeline.evaluation.human import filled, scores

    ratings = filled.read(human_files.files.get(FILLED, []), human_key, partial=human.partial)
    found = scores.scores(ratings, human_key, human.resamples, seed)
    for line in scores.lines(found):
        log.info("%s", line)
    return found, scores.judged(ratings, human_key)


def draw_human(human_scores: pl.DataFrame) -> Any:
    """What raters said, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.human import human_plot

    return human_plot(human_scores)

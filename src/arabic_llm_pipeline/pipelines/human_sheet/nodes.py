"""The step that makes a sheet."""

from typing import Any

from arabic_llm_pipeline.parameters.human import HumanSettings


def make_human_sheet(*, human: HumanSettings, seed: int, **answers: Any) -> tuple[str, str, dict[str, Any]]:
    """The sheet as a page and as CSV, and its key, which raters must not see.

    Args:
        human: design, axes, of which answers, how many items.
        seed: of what is drawn and in which order it comes.
        answers: of each candidate, by `<candidate>_answers` and `<candidate>_writing_answers`, the base first.
    """
    from arabic_llm_pipeline.evaluation.human.answers import of_candidates
    from arabic_llm_pipeline.evaluation.human.sheet import form, make
    from arabic_llm_pipeline.reporting.human_sheet import render

    sheet, key = make(of_candidates(answers, human.of), human, seed)
    return render(sheet), form(sheet), key

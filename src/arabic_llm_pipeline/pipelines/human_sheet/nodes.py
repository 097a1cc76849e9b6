"""The step that makes a sheet."""

from typing import Any

from arabic_llm_pipeline.parameters.human import HumanSettings


def make_human_sheet(*, human: HumanSettings, seed: int, **answers: Any) -> tuple[str, str, dict[str, Any]]:
    """The sheet as a page and as CSV, and its key, which raters must not see.

    Args:
        human: design, axes, how many items.
        seed: of what is drawn and in which order it comes.
        answers: of each candidate, by `<candidate>_answers`, the base first.
    """
    from arabic_llm_pipeline.evaluation.human.sheet import form, make
    from arabic_llm_pipeline.reporting.human_sheet import render

    sheet, key = make({name.removesuffix("_answers"): frame for name, frame in answers.items()}, human, seed)
    return render(sheet), form(sheet), key

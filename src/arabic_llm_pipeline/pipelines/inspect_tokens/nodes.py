"""The step from stores to a page."""

from pathlib import Path

from arabic_llm_pipeline.parameters.report import InspectSettings


def show_tokens(
    document_tokens: Path,
    pair_tokens: Path,
    feedback_tokens: Path,
    tokenizer: Path,
    settings: InspectSettings,
    seed: int,
) -> str:
    """Windows of all stores, decoded: what training reads, what of it is learned, and where documents end."""
    from arabic_llm_pipeline.reporting.token_windows import render
    from arabic_llm_pipeline.tokens.windows import shown

    stores = (document_tokens, pair_tokens, feedback_tokens)
    return render(
        [shown(store, tokenizer, split, settings.each, seed) for store in stores for split in settings.splits]
    )

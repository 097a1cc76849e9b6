"""What the nodes that measure a candidate have in common: how they are wired, and the candidate in memory."""

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Node

from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.pipelines.wiring import step
from arabic_llm_pipeline.recipes import adapter_of

if TYPE_CHECKING:
    from arabic_llm_pipeline.evaluation.candidate import Candidate


def of_candidate(function: Callable[..., Any], candidate: str, kinds: Sequence[str], **other: str) -> Node:
    """The node that measures a candidate, in a namespace of its own.

    Args:
        function: of the step; it takes `candidate`, and all else as `wiring.step` has it.
        candidate: its name.
        kinds: what it makes, each an entry `<candidate>_<kind>`.
        other: by argument, entries that are called otherwise.
    """
    measured = update_wrapper(partial(function, candidate=candidate), function)
    outputs = [f"{candidate}_{kind}" for kind in kinds]
    own = {"adapter": adapter_of(candidate), "tokenizer": "tokenizer"}  # the entry: a parameter is called so, too
    taken = {name: entry for name, entry in own.items() if name in signature(function).parameters}
    return step(measured, outputs, namespace=candidate, **taken, **other)


def load(
    candidate: str,
    base_model: dict[str, Any],
    adapter: Path | None,
    tokenizer: Path,
    model: ModelSettings,
    formats: Sequence[str],
) -> "Candidate":
    """A candidate in memory, with its tokenizer.

    Args:
        candidate: its name.
        base_model: which base.
        adapter: of the stage that made it; none for the base.
        tokenizer: directory.
        model: how the base is loaded.
        formats: of prompts, in which it may be asked.
    """
    from arabic_llm_pipeline.evaluation.candidate import Candidate
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training.models import load_candidate, quantization

    loaded = load_candidate(base_model, adapter, model, candidate)
    return Candidate(candidate, loaded, load_tokenizer(tokenizer), tuple(formats), quantization(base_model, model))

"""The pipelines, each made only when asked for."""

from collections.abc import Callable, Iterable
from importlib import import_module

from kedro.framework.project import pipelines as project
from kedro.pipeline import Pipeline

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.recipes import CHAINS, candidates, chosen, name, prefixes, reward_models, trained

DEFAULT_RECIPES = "sft_dpo"
DEFAULT = ("preprocess", "recipes", "evaluate", "report")


class Asked:
    """What the configuration of this run asked for; the project's hooks fill it in before pipelines are made."""

    recipes: str = DEFAULT_RECIPES
    exported: str = ""  # the stage; empty: the last one of the first recipe
    push: bool = False


def _create(module: str, *args: object) -> Pipeline:
    made: Pipeline = import_module(f"arabic_llm_pipeline.pipelines.{module}.pipeline").create_pipeline(*args)
    return made


def _trained(chain: tuple[str, ...]) -> Pipeline:
    """A chain with what it stands on beyond the documents, so that `preprocess` then `sft_dpo` is all one types."""
    return _create("base_model") + _create("tokenize") + _create("stages", chain)


def _recipes() -> Pipeline:
    return sum((_trained(chain) for chain in chosen(Asked.recipes)), Pipeline([]))


def _report() -> Pipeline:
    return _create("report", candidates(Asked.recipes), trained(Asked.recipes), reward_models(Asked.recipes))


def _export() -> Pipeline:
    """Of the stage that is named, or else of the last one of the first recipe that writes."""
    first = [name(prefix) for prefix in prefixes(chosen(Asked.recipes)[0])]
    writing = [stage for stage in first if stage in candidates(Asked.recipes)]
    return _create("export", Asked.exported or (writing or first)[-1], Asked.push)


def makers() -> dict[str, Callable[[], Pipeline]]:
    """Pipelines by name, in the order in which they can run."""
    found: dict[str, Callable[[], Pipeline]] = {
        "sources": lambda: _create("sources"),
        "dialect_model": lambda: _create("dialect_model"),
        "toxicity_model": lambda: _create("toxicity_model"),
        "preprocess": lambda: _create("preprocess") + _create("corpus_report"),
        "corpus": lambda: _create("preprocess"),
        "corpus_report": lambda: _create("corpus_report"),
        "base_model": lambda: _create("base_model"),
        "tokenize": lambda: _create("base_model") + _create("tokenize"),
        "inspect_tokens": lambda: _create("base_model") + _create("tokenize") + _create("inspect_tokens"),
        "tokenizer": lambda: _create("tokenizer"),
        "compare_tokenizers": lambda: _create("compare_tokenizers"),
        "pretrain": lambda: _create("tokenizer") + _create("pretrain"),
        "continue_pretraining": lambda: _create("base_model") + _create("tokenize") + _create("pretrain", True),
    }
    found |= {label: lambda chain=chain: _trained(chain) for label, chain in CHAINS.items()}  # type: ignore[misc]
    found |= {
        "recipes": _recipes,
        "dry_run": lambda: _create("base_model") + _create("tokenize") + _create("dry_run", chosen(Asked.recipes)),
        "memory_plan": lambda: _create("memory_plan", chosen(Asked.recipes)),
        "evaluate": lambda: _create("evaluate", candidates(Asked.recipes), reward_models(Asked.recipes)),
        "human_sheet": lambda: _create("human_sheet", candidates(Asked.recipes)),
        "human_score": lambda: _create("human_score"),
        "report": _report,
        "compare": lambda: _create("compare"),
        "export": _export,
    }
    return found


def upstream(names: Iterable[str]) -> tuple[list[str], Pipeline]:
    """The registered pipelines that make the named data sets and what those need; and those nodes in one pipeline."""
    built = {label: made for label, make in makers().items() if (made := _if_possible(make))}
    todo, found = set(names), set()
    while todo:
        wanted = todo.pop()
        maker = next((label for label in built if wanted in built[label].all_outputs()), None)
        if maker and maker not in found:
            found.add(maker)
            todo |= built[maker].inputs()
    order = [label for label in built if label in found]
    return order, sum((built[label] for label in order), Pipeline([])).to_outputs(*names)


def _if_possible(make: Callable[[], Pipeline]) -> Pipeline | None:
    try:
        return make()
    except UserError:  # a reward model has no export
        return None


def register_pipelines() -> dict[str, Pipeline]:
    """What Kedro asks for; of pipelines named on the command line only those: the others' imports stay away."""
    found = makers()
    found["__default__"] = lambda: sum((makers()[label]() for label in DEFAULT), Pipeline([]))
    wanted = project._requested_pipelines
    return {label: make() for label, make in found.items() if not wanted or label in wanted}

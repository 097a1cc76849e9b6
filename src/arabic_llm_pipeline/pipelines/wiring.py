"""Nodes whose inputs are called as the arguments of their steps."""

from collections.abc import Callable, Iterable
from functools import partial, update_wrapper
from inspect import Parameter, Signature, signature
from typing import Any

from kedro.pipeline import Node

from arabic_llm_pipeline.parameters.root import Parameters


def step(
    function: Callable[..., Any],
    outputs: str | list[str],
    *more: str,
    name: str | None = None,
    namespace: str | None = None,
    **other: str,
) -> Node:
    """A node; each argument is given the parameter of its name, or else the entry of the catalog.

    Args:
        function: of the step; arguments that have a default are not filled, and `workspace` is the node's own.
        outputs: what it makes.
        more: entries for a function that takes any (`**`), by their names.
        name: of the node; the function's, if not given.
        namespace: of the node.
        other: by argument, entries that are called otherwise, and those of arguments that have a default.
    """
    name = name or function.__name__
    asked = signature(function, follow_wrapped=False).parameters.values()
    given = [one.name for one in asked if one.kind is not Parameter.VAR_KEYWORD and one.default is Parameter.empty]
    own = {"workspace": f"{name}_workspace"} | other
    inputs = {one: own.get(one) or entry(one) for one in given} | other | {one: one for one in more}
    return Node(function, inputs, outputs, name=name, namespace=namespace)


def of_table(function: Callable[..., Any], table: str) -> Callable[..., Any]:
    """The same step for one of the tables."""
    return update_wrapper(partial(function, table=table), function)


def reading(function: Callable[..., Any], names: Iterable[str], **told: Any) -> Callable[..., Any]:
    """A step that takes any entries and parameters (`**`), for these: each is an argument of the type it has.

    So Kedro makes a parameter its model, and a run sees which of its fields count.

    Args:
        function: of the step.
        names: entries, and parameters without their `params:`; each once.
        told: arguments that are no inputs.
    """
    types = {name: Parameters.model_fields[name].annotation for name in names if name in Parameters.model_fields}
    taken = [Parameter(name, Parameter.KEYWORD_ONLY, annotation=types.get(name, Any)) for name in dict.fromkeys(names)]
    made: Any = update_wrapper(partial(function, **told), function)
    made.__signature__, made.__annotations__ = Signature(taken), {one.name: one.annotation for one in taken}
    return made  # type: ignore[no-any-return]


def entry(name: str) -> str:
    """What the catalog calls it: a parameter has `params:` before its name."""
    return f"params:{name}" if name in Parameters.model_fields else name

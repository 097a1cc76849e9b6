"""Why an artifact is not what a run would make now, in a person's words."""

from typing import Any

from arabic_llm_pipeline.artifacts.store import Expected

SHOWN = 5


def in_words(found: list[str]) -> str:
    """The first few reasons, and how many more there are."""
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return ", ".join(found[:SHOWN] + more)


def reasons(old: dict[str, Any], new: Expected) -> list[str]:
    """What differs between a manifest and what is expected now; nothing if it is fresh."""
    if old["fingerprint"] == new.fingerprint:
        return []
    if old["node"] is None:
        return ["saved by hand"]
    nodes = sorted({*old["code"], *new.code})
    found = [text for node in nodes for text in _code(node, old["code"].get(node, {}), new.code.get(node, {}))]
    for name in sorted({*old["inputs"], *new.inputs}):
        if old["inputs"].get(name) != new.inputs.get(name):
            found += _values(name, old["parameters"].get(name), new.parameters.get(name))
    return found


def _code(node: str, old: dict[str, str], new: dict[str, str]) -> list[str]:
    changed = [_short(name) for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return [f"code of {node} ({', '.join(changed)})"] if changed else []


def _short(module: str) -> str:
    """A module's name without the package's."""
    package, _, rest = module.partition(".")
    return rest if package.isidentifier() and rest else module


def _values(name: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        changed = (key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
        return [line for key in changed for line in _values(f"{name}.{key}", old.get(key), new.get(key))]
    return [name if old is None and new is None else f"{name} {old!r} -> {new!r}"]

"""What was run: base model, parameters, artifacts by fingerprint, versions, machine, command."""

from collections.abc import Iterator, Mapping
from typing import Any

from arabic_llm_pipeline.artifacts.digests import plain as without_neutral
from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.view import NONE, Block, Column, Table, count, flat, listed, plain

SHORT = 12  # characters of a digest: the name of an artifact's directory
DEFAULTS = {"experiment": "default", "seed": "0", "recipes": "sft_dpo"}


def command(inputs: Inputs) -> str:
    """What to type for this run: every value that differs from the defaults, and the experiment's name."""
    named = {"experiment": experiment_name(inputs), "seed": plain(inputs.seed), "recipes": inputs.recipes}
    values = [f"{name}={value}" for name, value in named.items() if value != DEFAULTS[name]]
    values += [f"{name}={value}" for name, value in changed(inputs.settings) if _typable(value)]
    return f"kedro run --params={','.join(values)}" if values else "kedro run"


def besides(inputs: Inputs) -> list[str]:
    """Settings that are not the defaults either, but which `--params` cannot take: lists, and what is none."""
    return [f"{name}: {value}" for name, value in changed(inputs.settings) if not _typable(value)]


def _besides(inputs: Inputs) -> Iterator[Block]:
    if lines := besides(inputs):
        yield Block(text=["with these in an environment, as they cannot be typed:"], code=lines)


def _typable(value: str) -> bool:
    return value != NONE and not set(value) & set(",= ")


def changed(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings that are not the defaults, as `--params` takes them."""
    for name, model in settings.items():
        if isinstance(model, Settings):
            known = dict(_values(type(model)(), name))
            yield from ((key, value) for key, value in _values(model, name) if known.get(key) != value)


def _values(model: Settings, name: str) -> list[tuple[str, str]]:
    """All that counts, each in its field's type: a default of 32 is 32.0, as a value from YAML becomes."""
    return flat(without_neutral(type(model).model_validate(model.model_dump())), name)


def experiment_name(inputs: Inputs) -> str:
    """The name under which the artifacts are linked."""
    return str(inputs["provenance"].get("experiment", DEFAULTS["experiment"]))


def parameters_table(inputs: Inputs) -> Table:
    """All settings that can change a result."""
    rows = [["recipes", inputs.recipes], ["seed", plain(inputs.seed)]]
    for name, model in inputs.settings.items():
        shown = flat(without_neutral(model), name)
        rows += [[key, value] for key, value in shown if name != "sources" or value != NONE]  # they have many fields
    return Table("Parameters that can change a result", [Column("Parameter", "code"), Column("Value", "code")], rows)


def artifacts_table(inputs: Inputs) -> Table:
    """All that the figures were made from, by fingerprint."""
    found = sorted(
        inputs["provenance"].get("artifacts", {}).items(), key=lambda item: (str(item[1].get("layer")), item[0])
    )
    rows = [
        [
            name,
            about.get("layer"),
            str(about["fingerprint"])[:SHORT],
            str(about["content"])[:SHORT],
            plain(about.get("node")),
        ]
        for name, about in found
    ]
    columns = [Column(name, "code") for name in ("Entry", "Layer", "Fingerprint", "Content", "Made by")]
    caption = (
        "Artifacts that this report stands on: an entry's directory is named by its fingerprint (code, parameters and "
        "inputs that made it); the content is the digest of its files."
    )
    return Table(caption, columns, rows, "Artifacts by fingerprint")


def origins_table(inputs: Inputs) -> Table:
    """Library versions and the kind of machine; more than one value where artifacts were made in different places."""
    origins = inputs["provenance"].get("origins", {})
    rows = [
        [group, name, listed(value or "not told" for value in values)]
        for group, named in sorted(origins.items(), reverse=True)
        for name, values in named.items()
    ]
    return Table("Versions and machine", [Column(""), Column("Name", "code"), Column("Value", "code")], rows)


def base_table(inputs: Inputs) -> Table:
    """The base model: where it is from, and the digests of its files."""
    files = inputs["base_model"].get("files") or {}
    rows = [
        [key, plain(value) if not isinstance(value, int) else count(value)]
        for key, value in inputs["base_model"].items()
        if key != "files"
    ]
    rows += [[f"sha256 of {name}", digest] for name, digest in sorted(files.items())]
    return Table("Base model", [Column("", "code"), Column("Value", "code")], rows)


def blocks(inputs: Inputs) -> list[Block]:
    """The section's parts."""
    return [
        Block(text=["The same again, with the same sources:"], code=[command(inputs)]),
        *_besides(inputs),
        Block(tables=[base_table(inputs)]),
        Block(lists=[artifacts_table(inputs), parameters_table(inputs), origins_table(inputs)]),
    ]

"""`kedro artifacts`: what there is, whether it is fresh, and away with what nobody names."""

import time
from collections.abc import Iterator
from typing import Any

import click
from kedro.framework.cli.utils import _split_params, env_option

COLUMNS = ("entry", "experiment", "fingerprint", "size", "age", "made from", "state", "notes")
PIPED_WIDTH = 200  # characters of a line where there is no terminal


def _with_configuration(command: Any) -> Any:
    params = click.option("--params", default="", callback=_split_params, help="As for kedro run: seed=1,dpo.beta=0.3")
    return env_option(params(command))


@click.group(name="arabic_llm_pipeline")
def cli() -> None:
    """Commands of this project."""


@cli.group(invoke_without_command=True)
@_with_configuration
@click.pass_context
def artifacts(context: click.Context, env: str | None, params: dict[str, Any]) -> None:
    """List every artifact that an experiment names, against what a run with this configuration would make."""
    if context.invoked_subcommand is None:
        _show(*_everything(context.obj, env, params))


@artifacts.command()
@_with_configuration
@click.pass_obj
def prune(metadata: Any, env: str | None, params: dict[str, Any]) -> None:
    """Remove what no experiment names but the last few (artifacts.keep), and old unfinished work.

    To give up an experiment, delete its links first: rm data/*/*/NAME
    """
    from arabic_llm_pipeline.artifacts.prune import prune_all

    pipeline, catalog = _everything(metadata, env, params)
    for path in prune_all(pipeline.datasets(), catalog):
        click.echo(path)


def _everything(metadata: Any, env: str | None, params: dict[str, Any]) -> tuple[Any, Any]:
    from kedro.framework.project import pipelines, settings
    from kedro.pipeline import Pipeline

    session = settings.SESSION_CLASS.create(metadata.project_path, env=env, runtime_params=params)
    catalog = session.load_context().catalog
    return sum(pipelines.values(), Pipeline([])), catalog


def _show(pipeline: Any, catalog: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    from arabic_llm_pipeline.artifacts.plan import look

    table = Table(*COLUMNS, box=None, header_style="bold")
    for name, artifact in look(pipeline, catalog):
        for row in _rows(artifact):
            table.add_row(name, *row)
    console = Console(width=None if Console().is_terminal else PIPED_WIDTH)
    console.print(table if table.row_count else "There is nothing yet: kedro run")


def _rows(artifact: Any) -> Iterator[tuple[str, ...]]:
    from arabic_llm_pipeline.artifacts.origin import notes
    from arabic_llm_pipeline.artifacts.store import read_manifest

    for experiment, name in artifact.store.links().items():
        manifest = read_manifest(artifact.store.folder / name)
        if manifest is None:
            yield experiment, name, "", "", "", "[red]not whole[/]: a run makes it again", ""
            continue
        sources = ", ".join(source for source in manifest["inputs"] if not source.startswith("params:"))
        size, age = _size(sum(manifest["files"].values())), _age(time.time() - manifest["made"])
        yield experiment, name, size, age, sources, _state(artifact, experiment, manifest), "; ".join(notes(manifest))


def _state(artifact: Any, experiment: str, manifest: dict[str, Any]) -> str:
    """Another experiment may differ from this configuration on purpose: it is not called stale."""
    from rich.markup import escape

    from arabic_llm_pipeline.artifacts.reasons import in_words, reasons

    if artifact.expected.unknown:
        return f"unknown: no {', '.join(artifact.expected.unknown)}"
    why = reasons(manifest, artifact.expected)
    if not why:
        return "[green]fresh[/]"
    word = "[yellow]stale[/]" if experiment == artifact.experiment else "differs"
    return f"{word}: {escape(in_words(why))}"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"

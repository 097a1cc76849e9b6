"""Commands of this project: `kedro artifacts`, `kedro chat`, `kedro generate`."""

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


def _number(name: str, default: float, within: Any, told: str) -> Any:
    return click.option(name, default=default, type=within, help=told, show_default=True)


def _speaking(command: Any) -> Any:
    """Options of how a model speaks."""
    options = (
        _number("--temperature", 0.7, click.FloatRange(0), "0: always the most probable token."),
        _number("--top-p", 0.9, click.FloatRange(0, 1, min_open=True), "Draw from the tokens that make this share."),
        _number("--top-k", 0, click.IntRange(0), "Draw from so many tokens; 0: no such limit."),
        _number(
            "--repetition-penalty", 1.0, click.FloatRange(0, min_open=True), "Above 1: what was said is less probable."
        ),
        _number("--max-new-tokens", 256, click.IntRange(1), "Where an answer is cut."),
        click.option("--seed", default=0, help="Of what is drawn.", show_default=True),
        click.option(
            "--quantization",
            type=click.Choice(["nf4", "fp4", "int8", "none"]),
            help="How weights are held; else as model.quantization says, and a model by itself as it is.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return _with_configuration(command)


@cli.command()
@click.argument("model", default="sft_dpo")
@click.option("--beside", help="A second model that hears the same.")
@click.option("--system", default="", help="How the model is to behave.")
@_speaking
@click.pass_obj
def chat(
    metadata: Any, /, model: str, beside: str | None, system: str, env: str | None, params: dict[str, Any],
    quantization: Any, seed: int, **options: Any,
) -> None:  # fmt: skip
    """Talk to MODEL: base, a stage such as sft_dpo, or a directory (an export, or an adapter)."""
    import contextlib
    import sys

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  what is typed can be edited, and called up again

    from arabic_llm_pipeline.talk.chat import converse
    from arabic_llm_pipeline.talk.speaker import Speaker

    names = [model, *filter(None, [beside])]
    loaded = [(name, *_model(metadata, name, env, params, quantization)) for name in names]
    _draw(seed)
    converse([Speaker(*one, options, system) for one in loaded], input, sys.stdout)


@cli.command()
@click.argument("prompts", type=click.Path(dir_okay=False))
@click.argument("answers", type=click.Path(dir_okay=False))
@click.option("--model", default="sft_dpo", help="base, a stage, or a directory.", show_default=True)
@_number("--batch-size", 16, click.IntRange(1), "Prompts at once.")
@_number("--best-of", 1, click.IntRange(1), "Answers that are drawn for each prompt; --judge chooses the best.")
@click.option(
    "--judge",
    help="Who chooses: a stage that left a reward model (sft_reward), a directory, or the rule arabic.",
)
@_speaking
@click.pass_obj
def generate(
    metadata: Any, /, prompts: str, answers: str, model: str, batch_size: int, best_of: int, judge: str | None,
    env: str | None, params: dict[str, Any], quantization: Any, seed: int, **options: Any,
) -> None:  # fmt: skip
    """Write ANSWERS (JSONL) to PROMPTS: a line each of a text, or JSONL with prompt or messages, and id.

    Run again after a kill, it goes on where it stopped.
    """
    from pathlib import Path

    from arabic_llm_pipeline.talk.prompts import read_prompts, write_answers
    from arabic_llm_pipeline.talk.speaker import fingerprint, load

    _check_choice(best_of, judge, options["temperature"])
    asked, out, catalog = read_prompts(Path(prompts)), Path(answers), _catalog(metadata, env, params)
    place = _place(catalog, model, quantization)
    loaded, tokenizer = load(place)
    about: dict[str, Any] = {"model": model, "fingerprint": fingerprint(place)}
    best = None
    if judge:
        best, chosen = _best(catalog, judge, place, loaded, best_of, batch_size)
        about |= {"best_of": best_of, "judge": judge, **chosen}
    write_answers(
        loaded, tokenizer, asked, out, about=about, options=options, batch_size=batch_size, seed=seed, best=best
    )
    click.echo(f"{len(asked)} answers in {answers}")


def _check_choice(best_of: int, judge: str | None, temperature: float) -> None:
    if (best_of > 1) != bool(judge):
        raise click.UsageError("--best-of (2 or more) and --judge go together: one draws answers, the other chooses.")
    if judge and temperature == 0:
        raise click.UsageError("--temperature=0 gives the same answer each time: there is nothing to choose from.")


def _best(catalog: Any, judge: str, place: Any, model: Any, count: int, batch: int) -> tuple[Any, dict[str, str]]:
    """What chooses, and by what its files are told apart."""
    from pathlib import Path

    from arabic_llm_pipeline.parameters.preference import RULES
    from arabic_llm_pipeline.talk.best import best_of
    from arabic_llm_pipeline.talk.places import find_judge
    from arabic_llm_pipeline.talk.speaker import files_fingerprint

    found = find_judge(judge, catalog.load, catalog.exists)
    told = {} if found in RULES else {"judge_fingerprint": files_fingerprint(Path(found).expanduser())}
    return best_of(count, found, place, model, batch), told


def _catalog(metadata: Any, env: str | None, params: dict[str, Any]) -> Any:
    return _session(metadata, env, params).load_context().catalog


def _place(catalog: Any, name: str, quantization: Any) -> Any:
    from arabic_llm_pipeline.talk.places import find

    return find(name, catalog.load, catalog.exists, quantization)


def _model(metadata: Any, name: str, env: str | None, params: dict[str, Any], quantization: Any) -> tuple[Any, Any]:
    from arabic_llm_pipeline.talk.speaker import load

    return load(_place(_catalog(metadata, env, params), name, quantization))


def _draw(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def _session(metadata: Any, env: str | None, params: dict[str, Any]) -> Any:
    from kedro.framework.project import settings

    return settings.SESSION_CLASS.create(metadata.project_path, env=env, runtime_params=params)


def _everything(metadata: Any, env: str | None, params: dict[str, Any]) -> tuple[Any, Any]:
    from kedro.framework.project import pipelines
    from kedro.pipeline import Pipeline

    catalog = _session(metadata, env, params).load_context().catalog
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

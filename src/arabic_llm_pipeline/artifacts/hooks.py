"""Before a run: what is missing, what is out of date. After it: what may go."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io.core import is_parameter
from kedro.pipeline import Pipeline

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import File

log = logging.getLogger(__name__)  # the rest is imported when a run needs it: hooks are loaded by every command
Upstream = Callable[[Iterable[str]], tuple[list[str], Pipeline]]


class ArtifactHooks:
    """Checks what a run begins with, and prunes what it leaves behind."""

    def __init__(self, upstream: Upstream):
        """Tell how to find what makes an input.

        Args:
            upstream: from names of data sets to the names of the pipelines that make them (with all before them), in
                order, and to the nodes of these in one pipeline.
        """
        self.upstream = upstream

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Any) -> None:
        """Refuse to run without inputs, say what makes them, and warn of stale ones."""
        from arabic_llm_pipeline.artifacts.dataset import Artifact

        names = [name for name in sorted(pipeline.inputs()) if not is_parameter(name) and name in catalog]
        artifacts = [name for name in names if isinstance(catalog.get(name), Artifact)]
        if absent := _absent(set(names) - set(artifacts), catalog):
            lines = "\n".join(f"    {name}: {_few(files)}" for name, files in absent.items())
            raise UserError(f"Input files are missing; put them there, or change the configuration:\n{lines}")
        if artifacts:
            makers, before = self.upstream(artifacts)
            _check(artifacts, before, catalog, _command(makers, run_params))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: Any) -> None:
        """Prune the entries of the pipeline that ran."""
        from arabic_llm_pipeline.artifacts.prune import prune_all

        for path in prune_all(pipeline.datasets(), catalog):
            log.info("Pruned %s", path)


def _check(names: list[str], before: Pipeline, catalog: Any, command: str) -> None:
    from arabic_llm_pipeline.artifacts.plan import look
    from arabic_llm_pipeline.artifacts.reasons import in_words, reasons

    missing = []
    for name, artifact in look(before, catalog):
        if name not in names or artifact.stands():  # another experiment may have made it
            continue
        if (old := artifact.manifest()) is None:
            missing.append(name)
        elif artifact.expected.unknown:
            log.warning("Whether %s is up to date cannot be told: no %s", name, ", ".join(artifact.expected.unknown))
        else:
            why = in_words(reasons(old, artifact.expected))
            log.warning("%s is used as it stands, but is out of date (%s): %s", name, why, command)
    if missing:
        raise UserError(f"Missing: {', '.join(missing)}. Make it first:\n    {command}\nor everything: kedro run")


def _absent(names: Iterable[str], catalog: Any) -> dict[str, list[File]]:
    from arabic_llm_pipeline.artifacts.outside import missing_files

    found = {name: missing_files(catalog.get(name)) for name in sorted(names)}
    return {name: files for name, files in found.items() if files}


def _few(files: list[File]) -> str:
    shown = ", ".join(str(file) for file in files[:3])
    return f"{shown} and {len(files) - 3} more" if len(files) > 3 else shown


def _command(pipelines: list[str], run_params: dict[str, Any]) -> str:
    """What to type, in the configuration of this run."""
    env, given = run_params.get("env"), ",".join(_flat(run_params.get("runtime_params") or {}))
    options = [f"--pipelines={','.join(pipelines)}", env and f"--env={env}", given and f"--params={given}"]
    return " ".join(["kedro run", *filter(None, options)])


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={str(value).lower() if isinstance(value, bool) else value}"

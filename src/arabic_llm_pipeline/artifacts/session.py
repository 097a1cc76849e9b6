"""The session that makes `kedro run` make. `--params=rerun=true` makes everything again; `resume=...`: see work.py."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click import ClickException
from kedro.framework.session import KedroSession
from kedro.validation.exceptions import ParameterValidationError

from arabic_llm_pipeline.common.errors import UserError, causes, no_room


class MakeSession(KedroSession):
    """Kedro's session, with the make-like runner in the place of the default one, and errors told without traceback."""

    def load_context(self) -> Any:
        """The project's context; what is wrong with configuration is told in one message."""
        with _told():
            return super().load_context()

    def run(
        self,
        pipeline_name: str | None = None,
        pipeline_names: list[str] | None = None,
        tags: Iterable[str] | None = None,
        runner: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Run as Kedro's session does; all arguments but `runner` are passed on."""
        from kedro.runner import SequentialRunner

        from arabic_llm_pipeline.artifacts.runner import MakeRunner
        from arabic_llm_pipeline.artifacts.store import check_experiment

        with _told():
            if type(runner) not in {SequentialRunner, type(None)}:
                raise UserError(f"{type(runner).__name__} does not know artifacts: leave --runner out.")
            given = self.store.get("runtime_params") or {}
            if given.get("experiment") is not None:
                check_experiment(str(given["experiment"]))
            make = MakeRunner(rerun=bool(_flag(given, "rerun")), resume=_flag(given, "resume"))
            found: dict[str, Any] = super().run(pipeline_name, pipeline_names, tags, make, *args, **kwargs)
            return found


def _flag(given: dict[str, Any], name: str) -> bool | None:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise UserError(f"--params={name}={value}: it is true or false.")


@contextmanager
def _told() -> Iterator[None]:
    """An error that is meant for the user ends the command with its text, however deep Kedro wrapped it."""
    try:
        yield
    except Exception as error:
        for cause in causes(error):
            if isinstance(cause, UserError | ParameterValidationError):
                raise ClickException(str(cause)) from error
            if no_room(cause):
                raise ClickException(_full(cause)) from error
        raise


def _full(error: BaseException) -> str:
    free = shutil.disk_usage(Path.cwd()).free
    return (
        f"The disk is full, {free / 1e6:.0f} MB are free at {Path.cwd()}: {error}\n"
        "What is finished is kept. Make room (kedro artifacts prune removes what no experiment uses), and run the same "
        "again: it goes on from there."
    )

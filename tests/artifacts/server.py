"""Runs Kedro sessions as processes that can be killed: imports once, forks for each run.

A line on stdin is a request: {"run": {...}} answers a process id, {"wait": id} its exit status.
"""

import json
import os
import sys
import traceback
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

IMPORTED_ONCE = (
    "arabic_llm_pipeline.artifacts.hooks",
    "arabic_llm_pipeline.artifacts.prune",
    "arabic_llm_pipeline.artifacts.runner",
    "arabic_llm_pipeline.artifacts.session",
    "kedro.config",
    "kedro.framework.cli",
    "kedro.framework.context",
    "kedro.framework.session",
    "kedro.framework.startup",
    "kedro.validation.parameter_validator",
    "kedro_datasets.json",
    "kedro_datasets.text",
    "pandas",
)


def run(request: dict) -> int:
    from click import ClickException
    from kedro.framework.startup import bootstrap_project

    project = Path(request["project"])
    os.chdir(project)
    os.environ.update(request["environment"])
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if "command" in request:
        return command(project, request["command"])
    bootstrap_project(project)
    from kedro.framework.project import settings

    try:
        with settings.SESSION_CLASS.create(project, env=request["env"], runtime_params=request["params"]) as session:
            session.run(pipeline_names=request["pipelines"])
    except ClickException as error:
        print(f"Error: {error.message}")
        return 2
    return 0


def command(project: Path, words: list[str]) -> int:
    from kedro.framework.cli.cli import KedroCLI

    try:
        KedroCLI(project).main(args=words, prog_name="kedro")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Kedro logs to stdout as soon as it is imported
    for name in IMPORTED_ONCE:
        import_module(name)
    for group in ("kedro.hooks", "kedro.project_commands", "kedro.global_commands"):
        for plugin in entry_points(group=group):
            plugin.load()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        elif (answer := os.fork()) == 0:
            status = 1
            try:
                status = run(request["run"])
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(status)
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()

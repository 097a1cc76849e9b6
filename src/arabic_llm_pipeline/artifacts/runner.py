"""`kedro run` as make: each node is judged in its turn, by what its inputs hold by then."""

from contextlib import nullcontext
from typing import Any

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import SequentialRunner
from kedro.runner.task import Task

from arabic_llm_pipeline.artifacts.order import in_order
from arabic_llm_pipeline.artifacts.plan import Plan
from arabic_llm_pipeline.artifacts.work import working


class MakeRunner(SequentialRunner):
    """Runs the nodes whose artifacts are not there yet under their fingerprints, and links those that are."""

    __name__ = "kedro.runner.sequential_runner.SequentialRunner object"  # kedro-viz records only runs that say this

    def __init__(self, rerun: bool = False, resume: bool | None = None):
        """Say how to run.

        Args:
            rerun: make everything, even what is up to date.
            resume: what to do with unfinished work, see `work.working`.
        """
        super().__init__()
        self.rerun, self.resume = rerun, resume

    def _run(self, pipeline: Pipeline, catalog: Any, hook_manager: Any = None, run_id: str | None = None) -> None:
        run = _Run(self, pipeline, catalog, Tasks(catalog, hook_manager, run_id))
        try:
            for node in in_order(pipeline):
                run.judge(node)
        except Exception:
            if run.done:
                self._logger.warning("What is finished is kept: run the same again to go on from there")
            raise
        ran, total = len(run.done), len(pipeline.nodes)
        text = f"{ran} of {total} nodes ran; {total - ran} were up to date" if ran else "everything is up to date"
        self._logger.info(text)


class Tasks:
    """Kedro's way to run one node."""

    def __init__(self, catalog: Any, hook_manager: Any, run_id: str | None):
        self.context = {"catalog": catalog, "hook_manager": hook_manager, "is_async": False, "run_id": run_id}

    def execute(self, node: Node) -> None:
        """Load its inputs, call it, save its outputs."""
        Task(node=node, **self.context).execute()


class _Run:
    def __init__(self, runner: MakeRunner, pipeline: Pipeline, catalog: Any, tasks: Tasks):
        self.runner, self.pipeline, self.tasks = runner, pipeline, tasks
        self.maker = {output: node for node in pipeline.nodes for output in node.outputs}
        self.done: set[Node] = set()
        self.plan = Plan(pipeline, catalog)
        for artifact in self.plan.artifacts(pipeline.inputs()).values():
            artifact.hold()
            artifact.used = artifact.current()  # whatever becomes of the link meanwhile

    def judge(self, node: Node) -> None:
        self.plan.expect(node)
        if self.plan.artifacts(node.outputs):
            if self.runner.rerun or not self.stands(node):
                self.make(node)
        elif not set(node.outputs) - self.pipeline.outputs():  # else somebody in this run takes them, if need be
            self.make(node)
        self.plan.note(node)

    def stands(self, node: Node) -> bool:
        return all(artifact.stands() for artifact in self.plan.artifacts(node.outputs).values())

    def make(self, node: Node, *, demanded: bool = False) -> None:
        """Run a node; `demanded` for what it leaves in memory, even if its artifacts stand."""
        if node in self.done:
            return
        artifacts = list(self.plan.artifacts(node.outputs).values())
        with working(artifacts, self.runner.resume) if artifacts else nullcontext():
            if artifacts and not demanded and not self.runner.rerun and self.stands(node):
                return  # another run made it while we waited
            self.make_inputs(node)
            self.tasks.execute(node)
        self.done.add(node)
        self.runner._logger.info("Completed node: %s", node.name)

    def make_inputs(self, node: Node) -> None:
        """Inputs that live in memory are made when somebody wants them."""
        made_here = [name for name in node.inputs if name in self.maker and not self.plan.artifacts([name])]
        for name in made_here:
            self.make(self.maker[name], demanded=True)

"""What each node would make now, from what its inputs hold. The runner and `kedro artifacts` walk it alike."""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, get_args

from kedro.io import MemoryDataset
from kedro.io.core import is_parameter
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel

from arabic_llm_pipeline.artifacts.code import Code
from arabic_llm_pipeline.artifacts.dataset import Artifact
from arabic_llm_pipeline.artifacts.digests import digest, memory, plain
from arabic_llm_pipeline.artifacts.outside import external_key
from arabic_llm_pipeline.artifacts.store import Expected
from arabic_llm_pipeline.artifacts.work import Workspace, owner


class Plan:
    """Keys of all data sets met so far. Content, not fingerprint: other code that gives the same bytes ends there.

    Code is read when the plan is made, for all nodes: an edit during the run is not taken for what ran.
    """

    def __init__(self, pipeline: Pipeline, catalog: Any):
        self.catalog, self.memory = catalog, memory()
        code = Code(self.memory)
        self.code = {node.name: code.of_function(node.func) | _wiring(node) for node in pipeline.nodes}
        self.writers = {
            name: code.of_class(type(artifact), Artifact) | {"settings of the entry": digest(artifact.settings)}
            for name, artifact in self.artifacts(pipeline.all_outputs()).items()
        }
        self.types = TypeExtractor({"": pipeline}).extract_types_from_pipelines()
        self.recipes: dict[str, Expected] = {}  # of what lives in memory only
        self.keys = {name: self._key(name) for name in sorted(pipeline.inputs())}
        self.memory.save()

    def dataset(self, name: str) -> Any:
        """The catalog's entry, or one in memory."""
        return self.catalog.get(name, fallback_to_runtime_pattern=True)

    def artifacts(self, names: Iterable[str]) -> dict[str, Artifact]:
        """Those of the entries that are artifacts, in the order given."""
        found = {name: self.dataset(name) for name in names}
        return {name: dataset for name, dataset in found.items() if isinstance(dataset, Artifact)}

    def expect(self, node: Node) -> None:
        """Tell the outputs of a node what they would be; what its inputs hold is known by now."""
        recipe = self._recipe(node)
        artifacts = self.artifacts(node.outputs)
        for name in node.outputs:
            code = recipe.code | {node.name: recipe.code[node.name] | self.writers.get(name, {})}
            fingerprint = digest([code, recipe.inputs, name])
            self.keys[name] = fingerprint
            self.recipes[name] = replace(recipe, fingerprint=fingerprint, node=node.name, code=code)
        for name, artifact in artifacts.items():
            artifact.expected, artifact.seed = self.recipes.pop(name), self._seed()
        for name in node.inputs:
            if artifacts and isinstance(workspace := self.dataset(name), Workspace):
                workspace.owner = owner(list(artifacts.values()))

    def note(self, node: Node) -> None:
        """From here on the node's artifacts count by content; what is not there yet counts by its fingerprint.

        Where an input from outside is absent, what stands is taken as it is.
        """
        for name, artifact in self.artifacts(node.outputs).items():
            if here := artifact.used or artifact.find():
                self.keys[name] = artifact.key(here)
            elif artifact.expected.unknown:
                self.keys[name] = artifact.key(artifact.current())

    def _recipe(self, node: Node) -> Expected:
        """Inputs that live in memory count as what they were made from: so a person reads the reason, not a name."""
        names = [name for name in node.inputs if not isinstance(self.dataset(name), Workspace)]
        code = {node.name: self.code[node.name]}
        inputs = {name: self.keys[name] for name in names if name not in self.recipes}
        parameters = {name: self._value(name) for name in names if is_parameter(name)}
        for made in (self.recipes[name] for name in names if name in self.recipes):
            code, inputs, parameters = code | made.code, inputs | made.inputs, parameters | made.parameters
        return Expected("", None, code, inputs, parameters)

    def _key(self, name: str) -> str | None:
        dataset = self.dataset(name)
        if isinstance(dataset, Workspace):
            return None
        if isinstance(dataset, Artifact):
            return dataset.key(dataset.current())
        if is_parameter(name):
            return digest(self._value(name))
        return digest(dataset.load()) if isinstance(dataset, MemoryDataset) else external_key(dataset, self.memory)

    def _value(self, name: str) -> Any:
        """A parameter in its type, with defaults: Kedro checks only those of the pipelines that were asked for."""
        value = self.dataset(name).load()
        annotation = self.types.get(name.removeprefix("params:"))
        kinds = [kind for kind in (annotation, *get_args(annotation)) if inspect.isclass(kind)]
        model = next((kind for kind in kinds if issubclass(kind, BaseModel)), None)
        if model and value is not None and not isinstance(value, BaseModel):
            value = model.model_validate(value)
        return plain(value)

    def _seed(self) -> Any:
        return self._value("params:seed") if "params:seed" in self.catalog else None


def _wiring(node: Node) -> dict[str, str]:
    return {"inputs and outputs": digest([node.inputs, node.outputs])}


def look(pipeline: Pipeline, catalog: Any) -> Iterator[tuple[str, Artifact]]:
    """Walk without running: each artifact, told what it would be."""
    plan = Plan(pipeline, catalog)
    for node in pipeline.nodes:
        plan.expect(node)
        plan.note(node)
        yield from plan.artifacts(node.outputs).items()

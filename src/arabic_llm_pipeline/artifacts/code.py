"""What counts as the code of a node: syntax trees, so that comments, docstrings and layout do not."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from kedro.framework import project

from arabic_llm_pipeline.artifacts.digests import Memory, digest
from arabic_llm_pipeline.artifacts.trees import imports, parse, shape, used_statements

SUMMARY = "code 1"  # another number when `shape` or `imports` change what they give
# Modules that cannot change a result ("" is the package itself; parameters count by value, wherever they are used).
UNSEEN = ("", "parameters", "artifacts", "common.progress", "common.processes")
OWN = __name__.partition(".")[0]
Digests = dict[str, str]


class Code:
    """Reads the modules of the project, as files: nothing is imported, and a file is parsed when it has changed."""

    def __init__(self, memory: Memory):
        self.memory = memory
        self._files: dict[str, Path | None] = {}
        self._modules: dict[str, tuple[Digests, list[str]]] = {}
        self._trees: dict[Path, ast.Module] = {}

    def of_function(self, function: Callable[..., Any]) -> Digests:
        """By name: the function with what it uses of its own module, and whole every module that these reach.

        Data files beside a module it reaches (templates, lexicons, style sheets) count like the module.
        """
        values = _bound_values(function)
        function = _innermost(function)
        home, name = function.__module__, function.__qualname__.partition(".")[0]
        held = [self.of_function(value) if inspect.isfunction(value) else value for value in values]
        file = self._file(home)
        if file is None:  # a library's
            return {f"{home}.{function.__qualname__}": digest(held)}
        statements = used_statements(self._tree(file), name)
        own = digest([[shape(statement) for statement in statements], held])
        reached = self._reached(imports(statements, home, file))
        return {**reached, **self._data(file.parent), f"{home}.{name}": own}

    def of_class(self, kind: type, base: type) -> Digests:
        """The modules of a class and of its ancestors below a base, as far as they are the project's own."""
        above = {ancestor.__module__ for ancestor in base.__mro__}
        homes = [ancestor.__module__ for ancestor in kind.__mro__ if ancestor.__module__ not in above]
        return {home: self._summary(home, file)["digest"] for home in homes if (file := self._file(home))}

    def _reached(self, names: Iterable[str]) -> Digests:
        seen: set[str] = set()
        found: Digests = {}
        todo = [name for name in names if not _is_unseen(name)]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                digests, further = self._module(name)
                found |= digests
                todo += further
        return found

    def _module(self, name: str) -> tuple[Digests, list[str]]:
        """A module's digest and those of the data beside it, and the modules it imports."""
        if name not in self._modules:
            file = self._file(name)
            if file is None:
                return {}, []
            summary = self._summary(name, file)
            further = [other for other in summary["imports"] if not _is_unseen(other)]
            self._modules[name] = {name: summary["digest"], **self._data(file.parent)}, further
        return self._modules[name]

    def _summary(self, name: str, file: Path) -> dict[str, Any]:
        found: dict[str, Any] = self.memory.of(SUMMARY, file, partial(_summarise, name))
        return found

    def _data(self, folder: Path) -> Digests:
        files = {file: f"{folder.name}/{file.relative_to(folder).as_posix()}" for file in _data_files(folder)}
        return {name: self.memory.content(file) for file, name in files.items()}

    def _tree(self, file: Path) -> ast.Module:
        if file not in self._trees:
            self._trees[file] = parse(file)
        return self._trees[file]

    def _file(self, name: str) -> Path | None:
        """The file of a module of the project; None for anything else."""
        if name not in self._files:
            self._files[name] = _find(name)
        return self._files[name]


def _find(name: str) -> Path | None:
    package, *parts = name.split(".")
    root = getattr(sys.modules.get(package), "__file__", None)
    if package not in {project.PACKAGE_NAME, OWN} or not root:
        return None
    base = Path(root).parent.joinpath(*parts)
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def _is_unseen(name: str) -> bool:
    package, _, rest = name.partition(".")
    if package not in {project.PACKAGE_NAME, OWN}:
        return True
    return any(rest == hidden or (hidden and rest.startswith(f"{hidden}.")) for hidden in UNSEEN)


def _summarise(name: str, file: Path) -> dict[str, Any]:
    tree = parse(file)
    return {"digest": digest(shape(tree)), "imports": sorted(set(imports(tree.body, name, file)))}


def _data_files(folder: Path) -> Iterator[Path]:
    """What is no module, in a package's folder and in those below it that hold data only."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__pycache__")) or path.name.endswith("~"):
            continue
        if path.is_file() and path.suffix not in {".py", ".pyi", ".pyc"}:
            yield path
        elif path.is_dir() and not any(module.name != "__init__.py" for module in path.glob("*.py")):
            yield from _data_files(path)


def _bound_values(function: Any) -> list[Any]:
    """Values a node's function carries with it: those of a partial, and those that a closure holds."""
    if isinstance(function, partial):
        return [
            *function.args,
            *(value for _, value in sorted(function.keywords.items())),
            *_bound_values(function.func),
        ]
    function = inspect.unwrap(function)
    held = inspect.getclosurevars(function).nonlocals if inspect.isfunction(function) else {}
    return [value for _, value in sorted(held.items())]


def _innermost(function: Any) -> Any:
    while isinstance(function, partial):
        function = function.func
    return inspect.unwrap(function)

"""Syntax trees of modules: what of them counts, what names hang on each other, what they import."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def parse(file: Path) -> ast.Module:
    """A module's tree without docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def shape(node: Any) -> Any:
    """A tree as plain lists. Empty fields are left out: newer Pythons add such, and that changes nothing."""
    if isinstance(node, ast.AST):
        fields = [[name, shape(value)] for name, value in ast.iter_fields(node) if value is not None and value != []]
        return [type(node).__name__, *fields]
    return [shape(inside) for inside in node] if isinstance(node, list) else repr(node)


def used_statements(tree: ast.Module, name: str) -> list[ast.stmt]:
    """The statements of a module that a name hangs on, in their order; all of them if none binds that name.

    Statements that bind nothing (a registration, a patch) count in any case.
    """
    binds = [bound_names(statement) for statement in tree.body]
    if not any(name in bound for bound in binds):
        return tree.body
    wanted, taken = {name}, set[int]()
    while new := {n for n, bound in enumerate(binds) if n not in taken and (not bound or bound & wanted)}:
        taken |= new
        wanted |= {node.id for n in new for node in ast.walk(tree.body[n]) if isinstance(node, ast.Name)}
    return [tree.body[n] for n in sorted(taken)]


def bound_names(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module gives a meaning to."""
    if isinstance(statement, DEFINITIONS):
        return {statement.name}
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, DEFINITIONS):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return found - {"*"}


def imports(statements: Sequence[ast.stmt], home: str, file: Path) -> Iterator[str]:
    """The modules that statements may import, wherever in them the import stands.

    Args:
        statements: of one module.
        home: that module's name.
        file: its file; relative imports of a package start one floor higher.
    """
    nodes: Iterable[ast.AST] = (node for statement in statements for node in ast.walk(statement))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, home, file)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(node: ast.ImportFrom, home: str, file: Path) -> str:
    if not node.level:
        return node.module or ""
    parts = home.split(".")
    above = parts[: len(parts) - node.level + (file.name == "__init__.py")]
    return ".".join([*above, *filter(None, [node.module])])

"""lm-eval's shipped tasks on local copies: a YAML of ours includes the shipped one and names files, not a hub."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import File, replace_file
from arabic_llm_pipeline.corpus.keys import key
from arabic_llm_pipeline.corpus.mapping import MISSING, pick
from arabic_llm_pipeline.corpus.records import Reject
from arabic_llm_pipeline.corpus.rows import (
    COMMA,
    TAB,
    Rows,
    arrow_rows,
    excerpt,
    json_rows,
    jsonl_rows,
    parquet_rows,
    table_rows,
)
from arabic_llm_pipeline.parameters.lm_eval import EXAMPLES, LmEvalTask

Row = dict[str, Any]
TEMPLATES = ("doc_to_text", "doc_to_target", "doc_to_choice")
MAX_BYTES = 64 << 20  # of a row
INSTALL = "pip install -c requirements.lock -e '.[lm-eval]'"
READERS: dict[str, Callable[[File, int], Rows]] = {
    "jsonl": jsonl_rows,
    "json": json_rows,
    "csv": lambda path, most: table_rows(path, most, COMMA, True),
    "tsv": lambda path, most: table_rows(path, most, TAB, True),
    "parquet": parquet_rows,
    "arrow": arrow_rows,
}


def shipped() -> Path:
    """The folder of the tasks that lm-eval ships.

    Raises:
        UserError: lm-eval is not installed.
    """
    spec = find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"lm_eval.tasks names tasks, and lm-eval is not installed: {INSTALL}")
    return Path(next(iter(spec.submodule_search_locations))) / "tasks"


def rows(files: Sequence[File], name: str, task: LmEvalTask, needed: Collection[str] = ()) -> Iterator[Row]:
    """The rows of a task's files, with the fields that the task reads.

    Args:
        files: where they stand.
        name: of the task.
        task: how they are read.
        needed: fields that each has to have.

    Raises:
        UserError: a file has no such column, or a row cannot be read.
    """
    for path in files:
        read: Rows = READERS[task.format](path, MAX_BYTES)
        for row in read:
            if isinstance(row, Reject):
                raise UserError(f"lm_eval.tasks.{name}: {path}, record {row.place}: {row.reason.replace('_', ' ')}.")
            found = _fields(row.value, name, task, path)
            for field in sorted(needed):
                if field not in found:
                    raise _lacks(f"{name}.fields.{field}", field, path, found)
            yield found


def _fields(value: Any, name: str, task: LmEvalTask, path: File) -> Row:
    row = dict(value) if isinstance(value, dict) else {}
    for field, column in task.fields.items():
        found = pick(value, column)
        if found is MISSING:
            raise _lacks(f"{name}.fields.{field}", column, path, row)
        row[field] = found
    for field, known in task.values.items():
        if str(row.get(field)) not in known:
            raise UserError(
                f"lm_eval.tasks.{name}.values.{field}: {path} has {row.get(field)!r}, which stands for nothing."
            )
        row[field] = known[str(row[field])]
    row |= task.constants
    for setting, asked in (("question", task.question), ("family", task.family)):
        if asked is not None and asked not in row:
            raise _lacks(f"{name}.{setting}", asked, path, row)
    return row


def _lacks(setting: str, column: Any, path: File, row: Row) -> UserError:
    there = excerpt(", ".join(map(str, row))) or "none by name"
    return UserError(f"lm_eval.tasks.{setting}: {path} has no column {column!r}; it has {there}.")


def family(row: Row, task: LmEvalTask) -> str | None:
    """What a row is grouped by."""
    if task.family is None or row.get(task.family) is None:
        return None
    found = re.search(task.family_pattern, str(row[task.family])) if task.family_pattern else None
    return found[1] if found else str(row[task.family])


def write_task(files: Mapping[str, Sequence[File]], name: str, task: LmEvalTask, shots: int, folder: Path) -> Path:
    """Write a task's YAML and its data, and return the YAML.

    Args:
        files: of each task and of its examples.
        name: of the task.
        task: what it includes and reads.
        shots: examples that will be shown.
        folder: where the files go.

    Raises:
        UserError: there is no such shipped task, or no split that it takes examples from.
    """
    from lm_eval.tasks._yaml_loader import load_yaml

    source = shipped() / task.include
    if not source.is_file():
        raise UserError(f"lm_eval.tasks.{name}.include: {task.include} is none of the files in {shipped()}.")
    says = load_yaml(source, resolve_func=False)
    test, examples = says.get("test_split") or says.get("validation_split"), says.get("fewshot_split")
    if shots and not (task.examples and examples):
        raise UserError(
            f"lm_eval.shots is {shots}, and {name} has no `examples` to show: name their files, or set shots=0."
        )
    splits = {test: files[name]} | ({examples: files[f"{name}{EXAMPLES}"]} if task.examples and examples else {})
    data, needed = {}, _columns(says)
    for split, paths in splits.items():
        data[split] = str(folder / f"{name}-{split}.jsonl")
        with replace_file(Path(data[split])) as new, new.open("w", encoding="utf-8") as file:
            written = _write(file, rows(paths, name, task, needed))
        if not written:
            raise UserError(f"lm_eval.tasks.{name}: no record in {', '.join(map(str, paths)) or 'no file'}.")
    ours: Row = {
        "include": str(source), "task": name, "dataset_path": "json", "dataset_name": None,
        "dataset_kwargs": {"data_files": data, "cache_dir": str(folder / "cache")},
    }  # fmt: skip
    for split in ("training_split", "validation_split", "fewshot_split"):
        if says.get(split) not in (None, *data):  # the copy has no such split
            ours[split] = None
    target = folder / f"{name}.yaml"
    target.write_text(json.dumps(ours), encoding="utf-8")  # JSON is YAML
    return target


def _write(file: TextIO, found: Iterable[Row]) -> int:
    count = 0
    for row in found:
        file.write(f"{json.dumps(row, ensure_ascii=False)}\n")
        count += 1
    return count


def _columns(says: Row) -> set[str]:
    """The columns that a task's templates name: lm-eval would take one that is not there for an empty text.

    None are known where a function of the task reads the rows.
    """
    if says.get("process_docs") is not None:
        return set()
    from jinja2 import Environment, meta

    texts = [says[name] for name in TEMPLATES if isinstance(says.get(name), str) and "{{" in says[name]]
    parse = Environment().parse
    return {column for text in texts for column in meta.find_undeclared_variables(parse(text))}


def questions(files: Mapping[str, Sequence[File]], tasks: Mapping[str, LmEvalTask], limit: int) -> pl.DataFrame:
    """Columns id, source, question (a matching key of one line) of the items of tasks that name their question."""
    found = [pl.DataFrame(schema={"id": pl.String, "source": pl.String, "question": pl.String})]
    for name, task in tasks.items():
        if task.question is None:
            continue
        texts = [str(row[task.question]) for row in rows(files[name], name, task)][: limit or None]
        ids = [item_id(name, place) for place in range(len(texts))]
        found.append(pl.DataFrame({"id": ids, "source": name, "question": texts}, schema=found[0].schema))
    asked = pl.concat(found).with_columns(key(pl.col("question")).str.replace_all("\n", " ", literal=True))
    return asked.filter(pl.col("question") != "")


def item_id(name: str, place: int) -> str:
    """What an item is called: its task, and its place in the test split from 0."""
    return f"{name}/{place}"

"""Rows of ids to a token store: a file a split, with tags, the ids of the records, and offsets."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from arabic_llm_pipeline.corpus.records import SPLITS
from arabic_llm_pipeline.tokens.column_writer import ColumnWriter
from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.store import TaggedFile

KNOWN = 1_000_000  # values of a shared column that are remembered: some 150 MB
Row = Mapping[str, Any]  # of one document or pair, by column: an array, or a number


class StoreWriter:
    """Appends to the files of all splits; use it in a `with` block."""

    def __init__(
        self, directory: Path, form: type[TaggedFile], dtypes: Mapping[str, str], window: int, part_bytes: int = 0
    ):
        """Start a store.

        Args:
            directory: of the store; one that is there is replaced.
            form: what a split of it is read with.
            dtypes: of the columns that rows bring.
            window: tokens in a chunk.
            part_bytes: lay each file in parts of this size; 0: one file a split.
        """
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self._directory, self._form, self._dtypes, self._part_bytes = directory, form, dtypes, part_bytes
        self._seen: dict[tuple[str, str], dict[bytes, int]] = {}  # by split and shared column
        self._distinct: Counter[tuple[str, str]] = Counter()
        self._names: dict[str, dict[str, int]] = {tag: {} for tag in form.tags}
        self._left_out = dict.fromkeys(SPLITS, 0)
        columns = {**dtypes, "id_bytes": "|u1", **{f"{tag}_ids": "<u2" for tag in form.tags}}
        columns |= dict.fromkeys((*form.offsets_of, "id_offsets"), "<i8") | dict.fromkeys(form.shared.values(), "<u4")
        self._open = ExitStack()
        self._files = {split: self._start(f"{split}.h5", columns, window) for split in SPLITS}
        self._ends = {split: dict.fromkeys((*form.offsets_of, "id_offsets"), 0) for split in SPLITS}
        for split in SPLITS:
            for name in self._ends[split]:
                self._append(split, name, np.zeros(1))

    def add(self, frame: pl.DataFrame, rows: Sequence[Row | None]) -> None:
        """Add rows to the splits they are of.

        Args:
            frame: id, split and tags of each.
            rows: what each became; None is left out, and counted.
        """
        numbers = {tag: self._numbers(tag, frame[tag]) for tag in self._names}
        for split in SPLITS:
            of_split: list[int] = np.flatnonzero(frame["split"] == split).tolist()
            kept = [i for i in of_split if rows[i] is not None]
            self._left_out[split] += len(of_split) - len(kept)
            if kept:
                self._add(split, [rows[i] for i in kept], [frame["id"][i].encode() for i in kept])  # type: ignore[misc]
                for tag, values in numbers.items():
                    self._append(split, f"{tag}_ids", values[kept])

    def finish(self, about: Mapping[str, Any], memory_map: Sequence[str]) -> Path:
        """Close all files with what they are about, and map the named splits into memory; gives the directory."""
        names = {f"{tag}_names": list(found) for tag, found in self._names.items()}
        for split, file in self._files.items():
            left_out = {"left_out": self._left_out[split]}
            file.finish({"form": self._form.form, "split": split, **about, **names, **left_out})
        self._open.close()
        for split in memory_map:
            with self._form(self._directory / f"{split}.h5") as written:
                written.map_columns(tuple(self._form.mapped))
        return self._directory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _start(self, name: str, columns: Mapping[str, str], window: int) -> ColumnWriter:
        return self._open.enter_context(ColumnWriter(self._directory / name, columns, window, self._part_bytes))

    def _add(self, split: str, rows: list[Row], ids: list[bytes]) -> None:
        self._append(split, "id_bytes", np.frombuffer(b"".join(ids), dtype=np.uint8))
        self._append_ends(split, "id_offsets", [len(text) for text in ids])
        offsets = {of: name for name, of in self._form.offsets_of.items()}
        for name in self._dtypes:
            values = [row[name] for row in rows]
            if name in self._form.shared:
                values = self._new(split, name, values)
            if values:
                self._append(split, name, np.concatenate(values) if np.ndim(values[0]) else np.array(values))
            if values and name in offsets:
                self._append_ends(split, offsets[name], [len(value) for value in values])

    def _new(self, split: str, name: str, values: list[Array]) -> list[Array]:
        """Values that did not come before; the place of each row's own is noted, by a hash of what it holds.

        Memory has an end: of more than `KNOWN` values those of before are forgotten, and lie there again if they come.
        """
        at, new = (split, name), []
        seen = self._seen.setdefault(at, {})
        if len(seen) > KNOWN:
            seen.clear()
        keys = [hashlib.blake2b(value.tobytes(), digest_size=16).digest() for value in values]
        for key, value in zip(keys, values, strict=True):
            if key not in seen:
                seen[key] = self._distinct[at]
                self._distinct[at] += 1
                new.append(value)
        self._append(split, self._form.shared[name], np.array([seen[key] for key in keys]))
        return new

    def _append_ends(self, split: str, name: str, lengths: list[int]) -> None:
        ends = self._ends[split][name] + np.cumsum(lengths)
        self._ends[split][name] = int(ends[-1])
        self._append(split, name, ends)

    def _append(self, split: str, name: str, values: Array) -> None:
        self._files[split].append(name, values)

    def _numbers(self, tag: str, values: pl.Series) -> Array:
        """The number of each value; a new one gets the next."""
        known = self._names[tag]
        return np.array([known.setdefault(value or "unknown", len(known)) for value in values])

"""Columns of numbers in one HDF5 file: appended as a stream, closed once, read by as many processes as like."""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError

SCHEMA = 2  # of the files; another number is another layout, which is made anew
FLUSH = 1 << 18  # values that wait before they are written
BLOCK = 1 << 20  # values read at a time where all are wanted
Array = NDArray[Any]


class ColumnWriter:
    """Writes one file of one-dimensional columns; memory stays flat.

    What says that the file is whole (counts and checksums) is written last, by `finish`. A `with` block closes the
    file, finished or not; without `finish` no reader takes it.
    """

    def __init__(self, path: Path, dtypes: Mapping[str, str], chunk: int):
        """Start a file.

        Args:
            path: of the file; one that is there is replaced.
            dtypes: what each column holds, little-endian: {"tokens": "<u2"}.
            chunk: values in an HDF5 chunk of every column: what one random read fetches.
        """
        self._file = h5py.File(path, "w", libver=("v110", "v110"))  # from 1.10 an index that grows at its end
        self._columns = {name: _Column(self._file, name, dtype, chunk) for name, dtype in dtypes.items()}

    def append(self, name: str, values: Array) -> None:
        """Add values at the end of a column."""
        self._columns[name].append(values)

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write what is left, then what the file is about; lists and mappings become JSON."""
        for column in self._columns.values():
            column.flush()
        counts = {name: column.count for name, column in self._columns.items()}
        sums = {name: column.crc32 for name, column in self._columns.items()}
        for name, value in {**about, "counts": counts, "crc32": sums, "schema": SCHEMA}.items():
            self._file.attrs[name] = value if isinstance(value, int | str) else json.dumps(value, ensure_ascii=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _Column:
    """A column being written: whole chunks go to the file, the rest waits, so that no chunk is written twice."""

    def __init__(self, file: h5py.File, name: str, dtype: str, chunk: int):
        self.data = file.create_dataset(
            name, shape=(0,), maxshape=(None,), chunks=(chunk,), dtype=dtype, fletcher32=True
        )
        self.chunk, self.crc32, self.count = chunk, 0, 0
        self._waiting: list[Array] = []
        self._waits = 0

    def append(self, values: Array) -> None:
        self._waiting.append(values.astype(self.data.dtype, copy=False))
        self._waits += len(values)
        if self._waits >= FLUSH + self.chunk:
            self._write(self._waits - self._waits % self.chunk)

    def flush(self) -> None:
        self._write(self._waits)

    def _write(self, count: int) -> None:
        values = np.concatenate([*self._waiting, np.empty(0, self.data.dtype)])
        self.data.resize((self.count + count,))
        self.data[self.count :] = values[:count]
        self.crc32 = zlib.crc32(values[:count].tobytes(), self.crc32)
        self.count += count
        self._waiting, self._waits = [values[count:].copy()], len(values) - count


class ColumnFile:
    """A finished file, or the columns of it that lie memory-mapped beside it; read-only.

    It is opened when first read, once in each process: so it can be pickled, and used in a forked child.
    """

    form: ClassVar[str | None] = None  # what the file must say it holds; None: whatever it be

    def __init__(self, path: Path):
        """Check the file, but for its contents (see `verify`).

        Raises:
            UserError: the file is not there, not whole, or of another layout.
        """
        self.path = path
        self._file: h5py.File | None = None
        self._datasets: dict[str, h5py.Dataset] = {}  # finding one takes longer than reading a window of it
        self._owner = 0  # the process that opened it
        self.about = self._check()
        self._mapped = {name: self._map(name) for name in self.about["counts"] if self._beside(name).exists()}

    def column(self, name: str) -> Array:
        """A whole column."""
        return self.read(name, 0, self.count(name))

    def count(self, name: str) -> int:
        """How many values a column has."""
        return int(self.about["counts"][name])

    def read(self, name: str, start: int, stop: int) -> Array:
        """A part of a column.

        Raises:
            UserError: the part is damaged.
        """
        source = self._mapped.get(name)
        if source is not None:
            return source[start:stop]
        try:
            return np.asarray(self._data(name)[start:stop])
        except OSError as error:
            raise self._refusal(f"column {name} cannot be read ({error})") from error

    def verify(self) -> None:
        """Read everything and compare checksums, those of memory-mapped columns too.

        Raises:
            UserError: a column does not hold what was written.
        """
        for name, wanted in self.about["crc32"].items():
            found = 0
            for block in self.blocks(name):
                found = zlib.crc32(block.tobytes(), found)
            if found != wanted:
                raise self._refusal(f"column {name} has checksum {found:08x}, not {wanted:08x}")

    def blocks(self, name: str) -> Iterator[Array]:
        """A column in parts of bearable size."""
        total = self.count(name)
        for start in range(0, total, BLOCK):
            yield self.read(name, start, min(start + BLOCK, total))

    def map_columns(self, names: tuple[str, ...]) -> None:
        """Write columns as plain little-endian arrays beside the file, for readers that map them into memory."""
        for name in names:
            with self._beside(name).open("wb") as out:
                for block in self.blocks(name):
                    out.write(block.tobytes())

    def close(self) -> None:
        """Let go of the file; the next read opens it again."""
        if self._file is not None:
            self._file.close()
        self._file, self._datasets = None, {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,)

    @cached_property
    def ids(self) -> list[str]:
        """The record that each row was made from, by its id in the corpus."""
        text = self.column("id_bytes").tobytes()
        return [text[start:end].decode() for start, end in pairwise(self.column("id_offsets").tolist())]

    def _data(self, name: str) -> h5py.Dataset:
        if self._owner != os.getpid():
            self.close()  # a forked child has a copy of its parent's handle
        if self._file is None:
            self._file, self._owner = self._open(), os.getpid()
        if name not in self._datasets:
            self._datasets[name] = self._file[name]
        return self._datasets[name]

    def _open(self) -> h5py.File:
        if not self.path.is_file():
            raise self._refusal("there is no such file")
        try:
            return h5py.File(self.path, "r", locking=False)  # artifacts never change: no lock, and no need to write one
        except OSError as error:
            raise self._refusal(f"it is no whole HDF5 file ({error})") from error

    def _check(self) -> dict[str, Any]:
        with self._open() as file:
            found = file.attrs.get("schema")
            if found is None:
                raise self._refusal("its writing was never finished")
            if int(found) != SCHEMA:
                raise self._refusal(f"its layout has version {found}, this program reads version {SCHEMA}")
            about = {name: _plain(value) for name, value in file.attrs.items()}
            if self.form not in {None, about["form"]}:
                raise self._refusal(f"it holds {about['form']}, not {self.form}")
            for name, count in about["counts"].items():
                if name not in file or file[name].shape != (count,):
                    raise self._refusal(f"column {name} does not have the {count} values that were written")
            about["dtypes"] = {name: file[name].dtype.str for name in about["counts"]}
        return about

    def _map(self, name: str) -> Array:
        path, dtype, count = self._beside(name), np.dtype(self.about["dtypes"][name]), self.count(name)
        if (size := path.stat().st_size) != count * dtype.itemsize:
            raise self._refusal(f"{path.name} beside it has {size} bytes, not {count * dtype.itemsize}")
        return np.memmap(path, dtype, "r", shape=(count,)) if count else np.empty(0, dtype)

    def _beside(self, name: str) -> Path:
        return self.path.with_name(f"{self.path.stem}.{name}.bin")

    def _refusal(self, why: str) -> UserError:
        return UserError(
            f"{self.path}: {why}. Delete {self.path.parent} and make it again: kedro run --pipelines=tokenize"
        )


def _plain(value: Any) -> Any:
    """An attribute as it was handed to `finish`."""
    if isinstance(value, str):
        return json.loads(value) if value[:1] in {"[", "{"} else value
    return int(value)

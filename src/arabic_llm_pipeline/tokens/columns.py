"""Columns of numbers in an HDF5 file, read by as many processes as like."""

import json
import os
import re
import zlib
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError

SCHEMA = 3  # of the files; another number is another layout, which is made anew
BLOCK = 1 << 20  # values read at a time where all are wanted
PART = re.compile(r"-\d{5}$")  # what names of a file's parts end in
Array = NDArray[Any]


def parts(path: Path) -> str:
    """The parts of a file that was laid in several, as HDF5's family driver takes their names: `x-00000.h5`, ..."""
    return f"{path.parent / path.stem}".replace("%", "%%") + f"-%05d{path.suffix}"


def files(directory: Path) -> list[Path]:
    """The files of a store, by the names they have whether they lie in parts or not."""
    return sorted({path.with_stem(PART.sub("", path.stem)) for path in directory.glob("*.h5")})


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
        self._beside_it = {name for name in self.about["counts"] if self._is_beside(name)}
        self._mapped: dict[str, Array] = {}

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
        if name in self._beside_it:
            return self._map(name)[start:stop]
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
        """Let go of the file and of what is mapped; the next read opens it again."""
        if self._file is not None:
            self._file.close()
        self._file, self._datasets, self._mapped = None, {}, {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,)

    def maps(self, name: str) -> bool:
        """Whether a column is read from memory-mapped files."""
        return name in self._beside_it

    def id(self, row: int) -> str:
        """The record that one row was made from."""
        start, end = self.read("id_offsets", row, row + 2).tolist()
        return self.read("id_bytes", start, end).tobytes().decode()

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
        name, how = (self.path, {}) if self.path.is_file() else (parts(self.path), {"driver": "family", "memb_size": 0})
        if how and not Path(str(name) % 0).is_file():
            raise self._refusal("there is no such file")
        try:
            return h5py.File(name, "r", locking=False, **how)  # artifacts never change: no lock, no need to write one
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

    def _is_beside(self, name: str) -> bool:
        """Whether a column lies memory-mapped beside the file, in its full length."""
        path, dtype, count = self._beside(name), np.dtype(self.about["dtypes"][name]), self.count(name)
        if not path.exists():
            return False
        if (size := path.stat().st_size) != count * dtype.itemsize:
            raise self._refusal(f"{path.name} beside it has {size} bytes, not {count * dtype.itemsize}")
        return count > 0

    def _map(self, name: str) -> Array:
        if name not in self._mapped:
            self._mapped[name] = np.memmap(self._beside(name), self.about["dtypes"][name], "r")
        return self._mapped[name]

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

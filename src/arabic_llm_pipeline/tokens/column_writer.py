"""Columns of numbers to an HDF5 file: appended as a stream, closed once."""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from arabic_llm_pipeline.tokens.columns import SCHEMA, Array, parts

FLUSH = 1 << 18  # values that wait before they are written


class ColumnWriter:
    """Writes one file of one-dimensional columns; memory stays flat.

    What says that the file is whole (counts and checksums) is written last, by `finish`. A `with` block closes the
    file, finished or not; without `finish` no reader takes it.
    """

    def __init__(self, path: Path, dtypes: Mapping[str, str], chunk: int, part_bytes: int = 0):
        """Start a file.

        Args:
            path: of the file; one that is there is replaced.
            dtypes: what each column holds, little-endian: {"tokens": "<u2"}.
            chunk: values in an HDF5 chunk of every column: what one random read fetches.
            part_bytes: lay it in parts of this size, `x-00000.h5` and so on (HDF5's family driver); 0: one file.
        """
        name, how = (parts(path), {"driver": "family", "memb_size": part_bytes}) if part_bytes else (path, {})
        # from 1.10 an index that grows at its end
        self._file = h5py.File(name, "w", libver=("v110", "v110"), **how)
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

"""Columns of text between polars, Arrow's buffers and numpy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TextColumn:
    """A column of text as its bytes: row i is `data[offsets[i]:offsets[i + 1]]` where `valid[i]`."""

    data: np.ndarray
    offsets: np.ndarray
    valid: np.ndarray

    def to_array(self) -> "pa.LargeStringArray":
        """The column as an Arrow array, without a copy of the text."""
        import pyarrow as pa

        invalid = int(len(self.valid) - self.valid.sum())
        validity = pa.array(self.valid).buffers()[1] if invalid else None
        buffers = (pa.py_buffer(self.offsets), pa.py_buffer(self.data), validity)
        return pa.LargeStringArray.from_buffers(len(self.valid), *buffers, invalid)

    def to_series(self, name: str = "") -> pl.Series:
        """The column as a polars series."""
        return pl.Series(name, pl.from_arrow(self.to_array()), dtype=pl.String)


def from_array(array: "pa.LargeStringArray") -> TextColumn:
    """The bytes of an Arrow array of large strings; slices, nulls and emptiness are its own affair."""
    _, offsets, data = array.buffers()
    ends = np.zeros(1, np.int64) if offsets is None else np.frombuffer(offsets, np.int64)
    wanted = ends[array.offset : array.offset + len(array) + 1]
    found = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    valid = np.ones(len(array), bool) if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)
    return TextColumn(frozen(found), frozen(wanted), frozen(valid))


def from_series(series: pl.Series) -> TextColumn:
    """The bytes of a polars column of text (a column of nulls only may lack a type)."""
    return from_array(series.cast(pl.String).to_arrow(compat_level=pl.CompatLevel.oldest()))


def elementwise(
    expr: pl.Expr, function: Callable[[pl.Series], pl.Series], dtype: pl.DataType | type[pl.DataType]
) -> pl.Expr:
    """Apply a function of a text column, row by row independent, inside a polars plan."""
    return expr.map_batches(function, return_dtype=dtype, is_elementwise=True)


def frozen(array: np.ndarray) -> np.ndarray:
    """Read-only: numba compiles once for each mix of writable and read-only arguments."""
    array = array.view()
    array.flags.writeable = False
    return array

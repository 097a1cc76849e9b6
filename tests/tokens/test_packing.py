"""Packing: properties, and a slow best-fit decreasing beside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.tokens.packing import cut, pack

WINDOW = 32
LENGTHS = st.lists(st.integers(1, WINDOW), max_size=60)


def slow_best_fit(lengths: list[int]) -> list[int]:
    """Fill of each window, by trying all of them for each piece."""
    fills: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [i for i, fill in enumerate(fills) if fill + length <= WINDOW]
        if fitting:
            fills[max(fitting, key=lambda i: fills[i])] += length
        else:
            fills.append(length)
    return fills


@given(lengths=LENGTHS, seed=st.integers(0, 9))
def test_everything_once_and_nothing_too_full(lengths: list[int], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(lengths))
    windows = pack(np.array(lengths, dtype=np.int64), WINDOW, order)
    assert sorted(i for window in windows for i in window) == list(range(len(lengths)))
    fills = [sum(lengths[i] for i in window) for window in windows]
    assert sorted(fills) == sorted(slow_best_fit(lengths))
    assert max(fills, default=0) <= WINDOW


@given(lengths=LENGTHS)
def test_only_what_is_ordered_is_packed_and_always_alike(lengths: list[int]) -> None:
    array, order = np.array(lengths, dtype=np.int64), np.arange(len(lengths))[::-2]
    one, two = pack(array, WINDOW, order), pack(array, WINDOW, order)
    assert [window.tolist() for window in one] == [window.tolist() for window in two]
    assert sorted(i for window in one for i in window) == sorted(order.tolist())


def test_the_order_decides_among_equals() -> None:
    lengths = np.array([10, 20, 10, 20, 10])
    assert [window.tolist() for window in pack(lengths, 30, [0, 1, 2, 3, 4])] == [[1, 2], [3, 0], [4]]
    assert [window.tolist() for window in pack(lengths, 30, [4, 3, 2, 1, 0])] == [[3, 2], [1, 4], [0]]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a length of 40 does not fit into a window of 32: cut it first"):
        pack(np.array([3, 40]), WINDOW, [0, 1])


@given(
    documents=st.lists(st.tuples(st.integers(1, 200), st.booleans(), st.integers(0, WINDOW)), max_size=20),
    seed=st.integers(0, 9),
)
def test_some_are_continued_and_some_are_cut(documents: list[tuple[int, bool, int]], seed: int) -> None:
    lengths = np.array([length for length, *_ in documents], dtype=np.int64)
    goes_on = np.array([on for _, on, _ in documents], dtype=bool)
    kept = np.minimum(lengths, np.array([left for *_, left in documents], dtype=np.int64))
    chosen = np.random.default_rng(seed).permutation(len(documents))[: len(documents) // 2 + 1]
    pieces = cut(lengths, goes_on, kept, chosen, WINDOW)
    found: dict[int, list[int]] = {int(i): [] for i in chosen}
    for document, start, length in zip(pieces.document, pieces.start, pieces.length, strict=True):
        assert 0 < length <= WINDOW
        found[int(document)] += range(start, start + length)
    for i, tokens in found.items():
        assert tokens == list(range(lengths[i] if goes_on[i] else kept[i]))
    assert list(dict.fromkeys(pieces.document.tolist())) == [i for i in chosen.tolist() if goes_on[i] or kept[i]]
    assert pieces.truncated == sum(0 < kept[i] < lengths[i] and not goes_on[i] for i in chosen)
    assert pieces.dropped == sum(kept[i] == 0 and not goes_on[i] for i in chosen)
    again = np.arange(len(chosen))[::-1]
    wanted = [piece for i in again for piece in np.flatnonzero(pieces.document == chosen[i])]
    assert pieces.of(again).tolist() == wanted

"""Documents to training windows: too long ones cut, short ones side by side."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.tokens.store import Ints


@dataclass(frozen=True)
class Pieces:
    """Stretches of documents, each at most a window long."""

    document: Ints  # index in the split
    start: Ints  # tokens from the document's beginning
    length: Ints
    first: Ints  # of each chosen document, its first piece; [chosen + 1]
    truncated: int  # documents that lost their end
    dropped: int  # documents that have no piece
    lost: int  # tokens of both

    def __len__(self) -> int:
        return len(self.document)

    def of(self, chosen: NDArray[np.integer]) -> Ints:
        """The pieces of documents, these by their places among the chosen, in the order asked for."""
        counts = np.diff(self.first)[chosen]
        return np.repeat(self.first[:-1][chosen], counts) + _places(counts)


def cut(
    lengths: NDArray[np.integer],
    goes_on: NDArray[np.bool_],
    kept: NDArray[np.integer],
    documents: NDArray[np.integer],
    window: int,
) -> Pieces:
    """Cut documents to the window: some go on in a further piece, others keep so much of their beginning.

    Args:
        lengths: tokens of every document of the split.
        goes_on: which of them go on in further pieces, as prose does.
        kept: tokens that are left of each of the others, at most a window; 0 leaves it out.
        documents: the chosen ones; pieces are in their order.
        window: tokens.
    """
    whole = np.where(goes_on, lengths, kept)[documents]
    counts = -(-whole // window)
    first = np.concatenate([[0], np.cumsum(counts)])
    start = _places(counts) * window
    length = np.minimum(np.repeat(whole, counts) - start, window)
    lost = lengths[documents] - whole
    dropped = int(np.count_nonzero(whole == 0))
    truncated = int(np.count_nonzero(lost)) - dropped
    return Pieces(np.repeat(documents, counts), start, length, first, truncated, dropped, int(lost.sum()))


def _places(counts: NDArray[np.integer]) -> Ints:
    """0, 1, ... of each count, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def pack(lengths: NDArray[np.integer], window: int, order: Sequence[int] | NDArray[np.integer]) -> list[Ints]:
    """Fill windows by best-fit decreasing: the longest first, each into the window it leaves the least room in.

    The same arguments give the same windows; every index of `order` is in exactly one of them. Best-fit decreasing
    needs at most 11/9 of the fewest windows possible, and one (Johnson et al. 1974, SIAM J. Comput. 3, 299-325).

    Args:
        lengths: of documents or pieces, in tokens; none longer than the window.
        window: tokens that one training sequence holds.
        order: the indices to pack; among equal lengths the earlier goes first.

    Returns:
        Indices for each window.

    Raises:
        ValueError: something is longer than the window.
    """
    order = np.asarray(order, dtype=np.int64)
    sizes = lengths[order]
    if len(sizes) and sizes.max() > window:
        raise ValueError(f"a length of {sizes.max()} does not fit into a window of {window}: cut it first")
    longest_first = np.argsort(-sizes, kind="stable")
    windows: list[list[int]] = []
    with_room: list[list[int]] = [[] for _ in range(window + 1)]  # windows by the tokens they still take
    rooms: list[int] = []  # the sizes of room that there are, ascending
    for index, size in zip(order[longest_first].tolist(), sizes[longest_first].tolist(), strict=True):
        at = bisect_left(rooms, size)
        if at == len(rooms):
            room, chosen = window, len(windows)
            windows.append([])
        else:
            room = rooms[at]
            chosen = with_room[room].pop()
            if not with_room[room]:
                del rooms[at]
        windows[chosen].append(index)
        left = room - size
        if not with_room[left]:
            insort(rooms, left)
        with_room[left].append(chosen)
    return [np.array(found, dtype=np.int64) for found in windows]

"""Which text is most like another: cosine of TF-IDF vectors of their characters in twos and threes.

The weights are those of scikit-learn's TfidfVectorizer(analyzer="char", ngram_range=(2, 3)): counts times
ln((1 + n) / (1 + texts with it)) + 1, vectors of length one. A run of three code points fits in 63 bits: nothing is
hashed, and no two runs are confused.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
CODE_BITS = 21  # code points end at 0x10FFFF
SIZES = (2, 3)


def ngrams(text: str) -> Ints:
    """Every run of two and of three characters as one number."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)
    found = []
    for size in SIZES:
        count = max(0, len(codes) - size + 1)
        runs = np.zeros(count, np.int64)
        for place in range(size):
            runs = runs << CODE_BITS | codes[place : place + count]
        found.append(runs)
    return np.concatenate(found)


class Index:
    """Texts by what they are made of: for each run of characters, which texts hold it and how much it weighs there."""

    def __init__(self, texts: Sequence[str]):
        """Index texts.

        Args:
            texts: what is searched; at least one.
        """
        parts = [ngrams(text) for text in texts]
        owners = np.repeat(np.arange(len(texts), dtype=np.int64), [len(part) for part in parts])
        self._terms, columns = np.unique(np.concatenate(parts), return_inverse=True)
        cells, counts = np.unique(columns.astype(np.int64) * len(texts) + owners, return_counts=True)
        columns, self._texts = np.divmod(cells, len(texts))
        held_by = np.bincount(columns, minlength=len(self._terms))
        self._starts = np.concatenate([[0], np.cumsum(held_by)])
        self._idf = np.log((1 + len(texts)) / (1 + held_by)) + 1
        weights = counts * self._idf[columns]
        lengths = np.sqrt(np.bincount(self._texts, weights**2, minlength=len(texts)))
        self._weights = weights / lengths[self._texts]
        self._size = len(texts)

    def similarities(self, text: str) -> Floats:
        """Cosine to each text of the index; [texts]."""
        runs, counts = np.unique(ngrams(text), return_counts=True)
        known = np.isin(runs, self._terms)
        places = np.searchsorted(self._terms, runs[known])
        if not len(places):
            return np.zeros(self._size)
        weights = counts[known] * self._idf[places]
        weights /= np.sqrt(np.sum(weights**2))
        spans = [slice(self._starts[place], self._starts[place + 1]) for place in places]
        texts = np.concatenate([self._texts[span] for span in spans])
        products = np.concatenate([self._weights[span] * w for span, w in zip(spans, weights, strict=True)])
        found: Floats = np.bincount(texts, products, minlength=self._size).astype(np.float64, copy=False)
        return found

    def nearest(self, text: str) -> int | None:
        """The place of the text that is most like this one, the first of equals; None where none shares anything."""
        found = self.similarities(text)
        best = int(np.argmax(found))
        return best if found[best] > 0 else None

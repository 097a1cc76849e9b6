"""MinHash over shingles of words, sets of shingles compared, clusters joined; compiled by numba.

A word is what stands between blanks and line breaks (a matching key has no others), a shingle so many words in a row,
both as 64-bit hashes. A text's set holds each of its shingles once, in ascending order.
"""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_START, hash_step

SPACE_BYTE, LINE_BYTE = 0x20, 0x0A
ODD = np.uint64(0xD1342543DE82EF95)  # a multiplier of full period modulo 2**64, after Steele and Vigna 2021
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # this and the next two: SplitMix64, Steele et al. 2014
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
LARGEST = np.uint32(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def mix(value: np.uint64) -> np.uint64:
    """A number in which every bit depends on every bit of the value."""
    value = (value ^ (value >> np.uint64(30))) * FIRST
    value = (value ^ (value >> np.uint64(27))) * SECOND
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def random_numbers(count: int) -> np.ndarray:
    """So many 32-bit numbers that look random: the same on every machine and with every version of numpy."""
    numbers = np.empty(count, np.uint32)
    for n in range(count):
        numbers[n] = np.uint32(mix(np.uint64(n + 1) * GOLDEN) >> np.uint64(32))
    return numbers


@njit(cache=True, nogil=True)
def _words(data: np.ndarray, begin: int, end: int, out: np.ndarray) -> int:
    """Write the hash of each word; returns how many there are."""
    count, value, inside = 0, HASH_START, False
    for i in range(begin, end):
        if data[i] == SPACE_BYTE or data[i] == LINE_BYTE:
            if inside:
                out[count] = value
                count += 1
            value, inside = HASH_START, False
        else:
            value, inside = hash_step(value, data[i]), True
    if inside:
        out[count] = value
        count += 1
    return count


@njit(cache=True, nogil=True)
def shingles(data: np.ndarray, begin: int, end: int, size: int, out: np.ndarray) -> int:
    """Write the hash of each shingle, in the order of the text; returns how many there are."""
    words = _words(data, begin, end, out)
    for i in range(words - size + 1):
        value = np.uint64(0)
        for k in range(size):
            value = value * ODD + out[i + k]
        out[i] = mix(value)  # the words from here on are still words
    return max(0, words - size + 1)


@njit(cache=True, nogil=True)
def room(offsets: np.ndarray) -> int:
    """As many words as the longest text can have."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest // 2 + 1


@njit(cache=True, nogil=True)
def signatures(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, size: int, factors: np.ndarray, masks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """MinHash signatures (Broder 1997): of each hash function, the least value that it gives a shingle of the text.

    Two texts agree in each place of their signatures with the probability of their sets' Jaccard index. Hash function n
    is (shingle ^ masks[n]) * factors[n] modulo 2**32, of the upper half of the shingle's hash.

    Args:
        size: words in a shingle.
        factors, masks: uint32; factors are odd.

    Returns:
        signatures (rows, functions) uint32, and whether a text has a shingle at all.
    """
    rows, functions = len(offsets) - 1, len(factors)
    least = np.full((rows, functions), LARGEST, np.uint32)
    enough = np.zeros(rows, np.bool_)
    hashes = np.empty(room(offsets), np.uint64)
    for row in range(rows):
        count = shingles(data, offsets[row], offsets[row + 1], size, hashes) if valid[row] else 0
        enough[row] = count > 0
        own = least[row]
        for i in range(count):
            code = np.uint32(hashes[i] >> np.uint64(32))
            for n in range(functions):
                own[n] = min(own[n], np.uint32((code ^ masks[n]) * factors[n]))
    return least, enough


@njit(cache=True, nogil=True)
def band_hashes(signatures: np.ndarray, bands: int) -> np.ndarray:
    """One hash (uint64) for each band of each signature: equal where all its places are."""
    rows, width = len(signatures), signatures.shape[1] // bands
    found = np.empty((rows, bands), np.uint64)
    for row in range(rows):
        for band in range(bands):
            value = np.uint64(band)
            for n in range(band * width, (band + 1) * width):
                value = mix(value * ODD + np.uint64(signatures[row, n]))
            found[row, band] = value
    return found


@njit(cache=True, nogil=True)
def shingle_sets(data: np.ndarray, offsets: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The sets of shingles of texts, one after another (uint64), and how large each is."""
    rows = len(offsets) - 1
    found = np.empty((offsets[rows] - offsets[0]) // 2 + rows, np.uint64)
    sizes = np.zeros(rows, np.int64)
    hashes = np.empty(room(offsets), np.uint64)
    end = 0
    for row in range(rows):
        count = shingles(data, offsets[row], offsets[row + 1], size, hashes)
        own = np.sort(hashes[:count])
        begin = end
        for i in range(count):
            if i == 0 or own[i] != own[i - 1]:
                found[end] = own[i]
                end += 1
        sizes[row] = end - begin
    return found[:end], sizes


@njit(cache=True, nogil=True)
def bucket_pairs(values: np.ndarray, order: np.ndarray, neighbours: int) -> np.ndarray:
    """Pairs (first, second) of rows whose values are equal.

    In a bucket of equal values each row is paired with the first and with so many before it: pairs grow with the
    bucket, not with its square.

    Args:
        values: sorted.
        order: which row each value belongs to, ascending among equal values.
    """
    total, begin = 0, 0
    for j in range(len(values)):
        begin = j if j == 0 or values[j] != values[begin] else begin
        total += min(j - begin, neighbours + 1)
    pairs = np.empty((total, 2), np.int64)
    place, begin = 0, 0
    for j in range(len(values)):
        begin = j if j == 0 or values[j] != values[begin] else begin
        for k in range(min(j - begin, neighbours + 1)):
            pairs[place, 0] = order[begin] if k == 0 else order[j - k]
            pairs[place, 1] = order[j]
            place += 1
    return pairs


@njit(cache=True, nogil=True)
def jaccard(sets: np.ndarray, ends: np.ndarray, a: int, b: int) -> float:
    """What two sets share, as a part of what they hold together (neither is empty)."""
    i, j, shared = ends[a], ends[b], 0
    while i < ends[a + 1] and j < ends[b + 1]:
        left, right = sets[i], sets[j]
        shared += left == right
        i += left <= right
        j += right <= left
    return shared / (ends[a + 1] - ends[a] + ends[b + 1] - ends[b] - shared)


@njit(cache=True, nogil=True)
def likenesses(sets: np.ndarray, ends: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The Jaccard index of each set and the other that is named for it."""
    found = np.ones(len(others), np.float32)
    for one in range(len(others)):
        if others[one] != one:
            found[one] = jaccard(sets, ends, one, others[one])
    return found


@njit(cache=True, nogil=True)
def alike(sets: np.ndarray, ends: np.ndarray, a: int, b: int, threshold: float) -> bool:
    """Whether the Jaccard index of two sets reaches the threshold; sizes too far apart settle it."""
    one, other = ends[a + 1] - ends[a], ends[b + 1] - ends[b]
    return min(one, other) / max(one, other) >= threshold and jaccard(sets, ends, a, b) >= threshold


@njit(cache=True, nogil=True)
def _root(parents: np.ndarray, n: int) -> int:
    while parents[n] != n:
        parents[n] = parents[parents[n]]
        n = parents[n]
    return n


@njit(cache=True, nogil=True)
def clusters(sets: np.ndarray, ends: np.ndarray, pairs: np.ndarray, threshold: float) -> np.ndarray:
    """Of each set, the first of its cluster: sets are joined by the pairs that are alike."""
    parents = np.arange(len(ends) - 1)
    for n in range(len(pairs)):
        a, b = _root(parents, pairs[n, 0]), _root(parents, pairs[n, 1])
        if a != b and alike(sets, ends, pairs[n, 0], pairs[n, 1], threshold):
            parents[max(a, b)] = min(a, b)
    for n in range(len(parents)):
        parents[n] = _root(parents, n)
    return parents


@njit(cache=True, nogil=True)
def standing(
    sets: np.ndarray, ends: np.ndarray, cluster: np.ndarray, members: np.ndarray, threshold: float
) -> np.ndarray:
    """Of each set, the one that stays for it: itself, or one of its cluster before it that is alike and stays.

    A chain of likenesses may join texts that are not alike; so within a cluster nothing goes that is not alike to what
    stays.

    Args:
        cluster: of each set.
        members: the sets in the order in which they are given a place: cluster by cluster, who should stay first.
    """
    stays = np.full(len(members), -1, np.int64)
    for n in range(len(members)):
        one = members[n]
        if stays[one] >= 0:
            continue
        stays[one] = one
        for k in range(n + 1, len(members)):
            other = members[k]
            if cluster[other] != cluster[one]:
                break
            if stays[other] < 0 and alike(sets, ends, one, other, threshold):
                stays[other] = one
    return stays

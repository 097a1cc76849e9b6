"""The tables of words that come with the package (data/*.tsv), and the hash by which the kernels look words up."""

import csv
from importlib.resources import files

HASH_START, HASH_PRIME, HASH_MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF  # FNV-1a, 64 bits


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of a table in data/: tab-separated, a header, lines that begin with # are comments."""
    text = files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def word_hash(word: str) -> int:
    """FNV-1a over the code points of a word, as utf8_kernel.hash_step does it."""
    value = HASH_START
    for char in word:
        value = (value ^ ord(char)) * HASH_PRIME & HASH_MASK
    return value

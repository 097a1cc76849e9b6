"""The rules of quality and the search for personal data on one core, against plain Python that applies the same rules.

    python benchmarks/quality.py --texts articles.jsonl.xz --megabytes 20

The plain Python is written as the filters of datatrove are (a list of words, a Counter or a set for each length of
n-gram); datatrove's own Gopher filters are measured where it is installed, with words split at white space, which is
the least that it can do. Without --texts it makes up words. Runs are interleaved in pairs, so that a machine that
others use too slows both; times are of the processor. Prints markdown tables.
"""

import importlib.util
import os
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported: one core for all

import polars as pl
from normalisation import asked, rate, read, take

from arabic_llm_pipeline.arabic import personal, quality

TOKEN = re.compile(r"[^\W_]+|(\S)\1*")
ENDS, CLOSERS, BULLETS = (
    tuple(".!?:;\u2026\u061f\u061b\u06d4"),
    "\"'\u00bb\u00ab)]}\u201d\u2019",
    tuple("-*\u2022\u2013\u2014"),
)
LETTERS = [chr(point) for point in range(0x0621, 0x064B) if not 0x063B <= point <= 0x0640]


def main() -> None:
    """Measure and print."""
    options = asked(__doc__)
    texts = pl.Series(take(read(options.texts) if options.texts else made_up(), options.megabytes * 1e6))
    for function in (quality.measures, quality.mojibake):
        function(texts.head(10))  # compiles
    print("| rules for prose | MB/s | ours is faster by (range) |\n| --- | --- | --- |")
    for name, peer in peers().items():
        ours, theirs = [], []
        for _ in range(options.pairs):
            ours.append(rate(quality.measures, texts))
            theirs.append(rate(peer, texts))
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        print(f"| ours | {statistics.median(ours):.1f} | |\n| {name} | {statistics.median(theirs):.1f} | {spread} |")
    print("\n| other steps | MB/s |\n| --- | --- |")
    for name, function in steps().items():
        print(f"| {name} | {statistics.median(rate(function, texts) for _ in range(options.pairs)):.0f} |")


def steps() -> dict[str, Callable[[pl.Series], object]]:
    """What else is looked for in each text."""
    found: dict[str, Callable[[pl.Series], object]] = {"wrong decodings": quality.mojibake}
    return found | {kind: lambda texts, kind=kind: personal.mask(texts, kind) for kind in personal.KINDS}


def peers() -> dict[str, Callable[[pl.Series], object]]:
    """The same rules elsewhere."""
    found: dict[str, Callable[[pl.Series], object]] = {"plain Python": lambda texts: [plain(text) for text in texts]}
    if importlib.util.find_spec("datatrove"):
        found["datatrove, Gopher's rules"] = with_datatrove()
    return found


def with_datatrove() -> Callable[[pl.Series], object]:
    """Its two filters with limits that nothing reaches, so that no rule ends the work; zero turns two rules off."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter, gopher_quality_filter
    from datatrove.pipeline.filters import gopher_repetition_filter as repetition

    for module in (gopher_quality_filter, repetition):
        module.split_into_words = lambda text, _: text.split()  # its tokenizers of Arabic need models
    off = dict.fromkeys(("dup_line_frac", "dup_para_frac", "dup_line_char_frac", "dup_para_char_frac"), 2.0)
    never = {"top_n_grams": tuple((n, 2.0) for n in (2, 3, 4)), "dup_n_grams": tuple((n, 2.0) for n in range(5, 11))}
    limits = {"min_doc_words": 0, "max_doc_words": 10**9, "min_avg_word_length": 0, "max_avg_word_length": 10**9}
    ratios = {"max_symbol_word_ratio": 2.0, "max_bullet_lines_ratio": 2.0, "max_ellipsis_lines_ratio": 2.0}
    ratios |= {"max_non_alpha_words_ratio": 0.0, "min_stop_words": 0}
    filters = [GopherQualityFilter(**limits, **ratios), GopherRepetitionFilter(**off, **never)]

    def run(texts: pl.Series) -> int:
        documents = (Document(text=text, id="") for text in texts)
        return sum(all(one.filter(document) is True for one in filters) for document in documents)

    return run


def plain(text: str) -> dict[str, float]:
    """The same measures, as a filter in Python computes them."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    tokens = [match[0] for match in TOKEN.finditer(text)]
    words = [token for token in tokens if token[0].isalnum()]
    again, again_characters, seen = 0, 0, set()
    for line in lines:
        if line in seen:
            again, again_characters = again + 1, again_characters + len(line)
        seen.add(line)
    many, rows = max(len(tokens), 1), max(len(lines), 1)
    found = {
        "words": len(words),
        "word_length": sum(map(len, words)) / max(len(words), 1),
        "symbols": (text.count("#") + text.count("...") + text.count("\u2026")) / many,
        "alphabetic": sum(any(char.isalpha() for char in token) for token in tokens) / many,
        "bullet_lines": sum(line.startswith(BULLETS) for line in lines) / rows,
        "ellipsis_lines": sum(line.endswith(("...", "\u2026")) for line in lines) / rows,
        "duplicate_lines": again / rows,
        "duplicate_line_characters": again_characters / max(len(text), 1),
        "line_punctuation": sum(line.rstrip(CLOSERS).endswith(ENDS) for line in lines) / rows,
        "new_lines": text.count("\n") / many,
    }
    for size in (2, 3, 4):
        found[f"top_{size}"] = top(tokens, size) / max(len(text), 1)
    for size in range(5, 11):
        found[f"duplicate_{size}"] = repeated(tokens, size) / max(len(text), 1)
    return found


def top(tokens: list[str], size: int) -> int:
    """Characters in the most frequent run of so many tokens."""
    runs = Counter(" ".join(tokens[place : place + size]) for place in range(len(tokens) - size + 1))
    if not runs:
        return 0
    run, count = runs.most_common(1)[0]
    return len(run) * count if count > 1 else 0


def repeated(tokens: list[str], size: int) -> int:
    """Characters in runs of so many tokens that stood before."""
    seen: set[str] = set()
    place, characters = 0, 0
    while place < len(tokens) - size + 1:
        run = "".join(tokens[place : place + size])
        if run in seen:
            characters, place = characters + len(run), place + size
        else:
            seen.add(run)
            place += 1
    return characters


def made_up() -> Iterator[str]:
    """Articles of words of letters, some words far more often than others, as in a language."""
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(LETTERS, length)) for length in rng.integers(2, 9, 50_000)])
    while True:
        yield "\n".join(" ".join(words[np.minimum(rng.zipf(1.2, 40) - 1, 49_999)]) + "." for _ in range(10))


if __name__ == "__main__":
    main()

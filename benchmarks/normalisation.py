"""Cleaning and normalising a column on one core, against chains of other libraries that do the same work, and memcpy.

    python benchmarks/normalisation.py --texts articles.jsonl.xz --megabytes 20

Without --texts it makes up words. Every engine runs on the texts as they are and on the same texts with noise put in
(mark-up, addresses, tatweel, harakat, presentation forms). Runs are interleaved in pairs, so that a machine that others
use too slows both; times are of the processor, not of the clock. Prints a markdown table.
"""

import argparse
import html
import importlib.util
import json
import os
import re
import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported: one core for all

import polars as pl

from arabic_llm_pipeline.arabic import dialect, measure, sentences
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, NORMALIZED, TEXT, clean_series
from arabic_llm_pipeline.common.files import open_binary

LETTERS = [chr(point) for point in range(0x0621, 0x064B) if not 0x063B <= point <= 0x0640]
WORDS, ARTICLE_WORDS = 50_000, 400
NOISE = (
    "<b>{}</b>",
    "{} https://example.org/{}",
    "{} name@example.org",
    "&quot;{}&quot;",
    "{}<br>",
    "\u0640{}\u0640\u0640",
    "{}\u064b",
    "\ufeff{}",
    "\ufefb\ufe8e {}",
    "[[{}]]",
    "  {}\u00a0 ",
)
NOISY_WORDS = 0.01  # share of words with noise
TAGS, URLS = re.compile(r"<[^<>]+>"), re.compile(r"(?:https?://|www\.)[^\s<>\"]+")
EMAILS, LINKS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u061c]"
)
BLANKS, BREAKS = re.compile(r"[ \t\u00a0]+"), re.compile(r" ?\n ?")
EMPTY_LINES = re.compile(r"\n{3,}")


def main() -> None:
    """Measure and print."""
    options = asked(__doc__)
    rng = np.random.default_rng(0)
    plain = take(read(options.texts) if options.texts else made_up(rng), options.megabytes * 1e6)
    print("| texts | engine | MB/s | ours is faster by (range) | texts that differ |\n| --- | --- | --- | --- | --- |")
    for name, texts in (("as they are", plain), ("with noise", [noisy(text, rng) for text in plain])):
        compare(name, texts, options.pairs)
    copied(plain, options.pairs)
    print("\n| step | MB/s |\n| --- | --- |")
    for step, function in steps().items():
        function(pl.Series(plain[:10]))
        print(f"| {step} | {statistics.median(rate(function, pl.Series(plain)) for _ in range(options.pairs)):.0f} |")


def asked(doc: str) -> argparse.Namespace:
    """The options of a benchmark of texts: which, how much of them, how many pairs of runs."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--texts", type=Path, help="JSON lines with a field `text` (plain, gz, bz2, xz)")
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    return parser.parse_args()


def compare(name: str, texts: list[str], pairs: int) -> None:
    """One table row for ours and for each of the others that is installed."""
    column = pl.Series(texts)
    ours = clean_series(column, NORMALIZED)
    own_rates: list[float] = []
    rows = []
    for engine, chain in chains().items():
        others, own = [], []
        for _ in range(pairs):
            own.append(rate(lambda series: clean_series(series, NORMALIZED), column))
            others.append(rate(lambda series, chain=chain: [chain(text) for text in series], column))
        ratios = [mine / other for mine, other in zip(own, others, strict=True)]
        differ = sum(chain(text) != mine for text, mine in zip(texts, ours, strict=True))
        spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        rows.append(
            f"| {name} | {engine} | {statistics.median(others):.1f} | {spread} | {differ:,} of {len(texts):,} |"
        )
        own_rates += own
    own_rates = own_rates or [rate(lambda series: clean_series(series, NORMALIZED), column) for _ in range(pairs)]
    print(f"| {name} | clean_expr(NORMALIZED) | {statistics.median(own_rates):.0f} | | |")
    print(*rows, sep="\n", end="\n" if rows else "")


def copied(texts: list[str], pairs: int) -> None:
    """The bound of all that goes through memory: the same bytes, copied."""
    column = pl.Series(texts)
    array = np.frombuffer(column.to_arrow().buffers()[-1], np.uint8)
    array.copy()
    copies, own = [], []
    for _ in range(pairs):
        copies.append(rate(lambda _: [array.copy() for _ in range(10)], column) * 10)
        own.append(rate(lambda series: clean_series(series, NORMALIZED), column))
    ratios = [mine / copy for mine, copy in zip(own, copies, strict=True)]
    spread = f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    print(f"| as they are | memcpy, by numpy | {statistics.median(copies):,.0f} | {spread} | |")


def steps() -> dict[str, Callable[[pl.Series], object]]:
    """The other things that preprocessing does to each text."""
    return {
        "clean, TEXT": lambda texts: clean_series(texts, TEXT),
        "clean, MATCHING_KEY": lambda texts: clean_series(texts, MATCHING_KEY),
        "count sentences": sentences.count_sentences,
        "all measures": measure.measures,
        "dialect tag": dialect.tag_series,
    }


def chains() -> dict[str, Callable[[str], str]]:
    """The same work with other libraries, as their users write it; what is not installed is said and left out."""
    found: dict[str, Callable[[str], str]] = {"standard library": with_standard_library()}
    for package, make in (("pyarabic", with_pyarabic), ("camel_tools", with_camel_tools)):
        if importlib.util.find_spec(package):
            found[package] = make()
        else:
            print(f"({package} is not installed: pip install 'arabic-llm-pipeline[bench]')")
    if importlib.util.find_spec("tokenizers"):
        found["tokenizers.normalizers"] = with_tokenizers()
    return found


def with_tokenizers() -> Callable[[str], str]:
    """Normalizers in Rust of Hugging Face's tokenizers, with the same tables and patterns."""
    from tokenizers import Regex, normalizers

    replaced = [("\u0640", ""), (Regex("[\u0622\u0623\u0625\u0671]"), "\u0627"), ("\u0649", "\u064a")]
    replaced += [(Regex("[\u064b-\u065f\u0670]"), "")]
    chain = normalizers.Sequence([normalizers.NFKC(), *(normalizers.Replace(*one) for one in replaced)])
    return lambda text: spaces(chain.normalize_str(patterns(text)))


def patterns(text: str) -> str:
    """What no library of Arabic does: mark-up, addresses, hidden characters."""
    text = LINKS.sub(r"\1", TAGS.sub(" ", html.unescape(text)))
    return HIDDEN.sub("", EMAILS.sub("", URLS.sub("", text)))


def spaces(text: str) -> str:
    """One space, no more than one empty line."""
    return EMPTY_LINES.sub("\n\n", BREAKS.sub("\n", BLANKS.sub(" ", text))).strip()


def with_standard_library() -> Callable[[str], str]:
    """`re`, `unicodedata` and `str.translate`."""
    table = str.maketrans(dict.fromkeys("\u0640", "") | dict.fromkeys("\u0622\u0623\u0625\u0671", "\u0627"))
    table |= {0x0649: 0x064A} | dict.fromkeys([*range(0x064B, 0x0660), 0x0670], None)
    return lambda text: spaces(unicodedata.normalize("NFKC", patterns(text)).translate(table))


def with_pyarabic() -> Callable[[str], str]:
    """The chain of pyarabic (its normalize_alef makes an Alif of Alif Maksura, so that is saved first)."""
    from pyarabic import araby

    def chain(text: str) -> str:
        text = araby.strip_tatweel(araby.strip_diacritics(patterns(text).replace("\u0649", "\u064a")))
        return spaces(araby.normalize_alef(araby.normalize_ligature(text)))

    return chain


def with_camel_tools() -> Callable[[str], str]:
    """camel-tools (it has no function that removes tatweel)."""
    from camel_tools.utils import dediac, normalize

    def chain(text: str) -> str:
        text = dediac.dediac_ar(normalize.normalize_unicode(patterns(text)).replace("\u0640", ""))
        return spaces(normalize.normalize_alef_maksura_ar(normalize.normalize_alef_ar(text)))

    return chain


def rate(function: Callable[[pl.Series], object], texts: pl.Series) -> float:
    """Megabytes of UTF-8 for a second of the processor."""
    start = time.process_time()
    function(texts)
    return float(texts.str.len_bytes().sum()) / 1e6 / (time.process_time() - start)


def take(texts: Iterator[str], size: float) -> list[str]:
    """The first texts, up to a size in bytes."""
    taken: list[str] = []
    for text in texts:
        taken.append(text)
        size -= len(text.encode())
        if size <= 0:
            break
    return taken


def read(path: Path) -> Iterator[str]:
    """The texts of a file of JSON lines."""
    with open_binary(path) as lines:
        for line in lines:
            yield json.loads(line)["text"]


def made_up(rng: np.random.Generator) -> Iterator[str]:
    """Articles of words of letters, some words far more often than others, as in a language."""
    words = np.array(["".join(rng.choice(LETTERS, length)) for length in rng.integers(2, 9, WORDS)])
    while True:
        yield " ".join(words[np.minimum(rng.zipf(1.2, ARTICLE_WORDS) - 1, WORDS - 1)])


def noisy(text: str, rng: np.random.Generator) -> str:
    """A text with noise at some of its words."""
    words = text.split(" ")
    for place in np.flatnonzero(rng.random(len(words)) < NOISY_WORDS):
        words[place] = NOISE[rng.integers(len(NOISE))].replace("{}", words[place])
    return " ".join(words)


if __name__ == "__main__":
    main()

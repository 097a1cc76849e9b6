"""Reading a MediaWiki dump on one core: against decompressing it alone, and against mwparserfromhell on its pages.

    python benchmarks/dumps.py --texts articles.jsonl.xz --megabytes 10

The dump is made of the texts: every paragraph gets links, emphasis and a reference, every article an infobox, a table,
a file and categories, a fifth of the pages are redirects or talk. Without --texts it makes up words. Runs are
interleaved in pairs; times are of the processor. Prints a markdown table.
"""

import bz2
import importlib.util
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from xml.sax.saxutils import escape

import numpy as np
from normalisation import asked, made_up, read, take

from arabic_llm_pipeline.corpus import wikipedia
from arabic_llm_pipeline.corpus.records import Reject
from arabic_llm_pipeline.corpus.wikitext import plain
from arabic_llm_pipeline.parameters.sources import SourceSettings

HEAD = "<mediawiki><siteinfo><base>https://ar.wikipedia.org/wiki/x</base></siteinfo>\n"
INFOBOX = "{{\u0645\u0639\u0644\u0648\u0645\u0627\u062a\n| a = {{b|[[c]]|d}}\n| e = f<br>g\n}}\n"
TABLE = '\n{| class="wikitable"\n|-\n! a !! b\n|-\n| 1 || [[c|d]]\n|}\n'
END = "\n[[\u0645\u0644\u0641:x.jpg|thumb|a [[b]] c]]\n[[\u062a\u0635\u0646\u064a\u0641:d]]\n"
FEW = 20  # one page in so many for the slow peer
LARGEST = 1 << 20


def main() -> None:
    """Measure and print."""
    options = asked(__doc__ or "")
    rng = np.random.default_rng(0)
    texts = take(read(options.texts) if options.texts else made_up(rng), options.megabytes * 1e6)
    pages = [wikitext(text, rng) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dump.xml.bz2"
        path.write_bytes(bz2.compress(dump(pages).encode()))
        size = len(bz2.decompress(path.read_bytes()))
        print(f"{len(pages):,} articles, {size / 1e6:.1f} MB of XML, {path.stat().st_size / 1e6:.1f} MB as bz2\n")
        print("| work | MB/s | ours takes, times as long (range) |\n| --- | --- | --- |")
        compare("bz2 alone", lambda: read_dump(path), lambda: decompress(path), size, size, options.pairs)
        if importlib.util.find_spec("mwparserfromhell"):
            few = pages[::FEW]
            ours, theirs = (sum(len(page.encode()) for page in some) for some in (pages, few))
            parse = parser()
            compare(
                "mark-up by mwparserfromhell",
                lambda: [plain(page) for page in pages],
                lambda: [parse(page) for page in few],
                ours, theirs, options.pairs,
            )  # fmt: skip
        else:
            print("(mwparserfromhell is not installed: pip install mwparserfromhell)")


def compare(
    name: str, own: Callable[[], object], other: Callable[[], object], size: int, other_size: int, pairs: int
) -> None:
    """Two table rows: ours, and the other with the ratio of the times a byte takes."""
    ours, others = [], []
    for _ in range(pairs):
        ours.append(size / 1e6 / seconds(own))
        others.append(other_size / 1e6 / seconds(other))
    ratios = [theirs / mine for mine, theirs in zip(ours, others, strict=True)]
    print(f"| ours, beside {name} | {statistics.median(ours):.1f} | |")
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"| {name} | {statistics.median(others):.1f} | {spread} |")


def seconds(function: Callable[[], object]) -> float:
    """Of the processor."""
    start = process_time()
    function()
    return process_time() - start


def read_dump(path: Path) -> int:
    """All articles of a dump, as records."""
    source = SourceSettings(format="mediawiki", path="x", licence="CC-BY-SA-4.0")
    return sum(not isinstance(found, Reject) for found in wikipedia.read_dump(path, source, LARGEST))


def decompress(path: Path) -> None:
    """The dump's bytes, and nothing else."""
    with bz2.open(path) as file:
        while file.read(1 << 18):
            pass


def parser() -> Callable[[str], str]:
    """The usual parser of wikitext."""
    import mwparserfromhell

    return lambda page: str(mwparserfromhell.parse(page).strip_code())


def dump(pages: list[str]) -> str:
    """An export with redirects and talk among the articles."""
    rows = [HEAD]
    for number, text in enumerate(pages):
        rows.append(page(number, text, 0))
        if number % 8 == 0:
            rows += [page(number, "#REDIRECT [[x]]", 0), page(number, text[:200], 1)]
    return "".join([*rows, "</mediawiki>"])


def page(number: int, text: str, namespace: int) -> str:
    """One page, as an export has it."""
    return (
        f"<page><title>t{number}</title><ns>{namespace}</ns><id>{number}</id><revision><id>1</id>"
        f"<text>{escape(text)}</text></revision></page>\n"
    )


def wikitext(text: str, rng: np.random.Generator) -> str:
    """A text with mark-up put in."""
    paragraphs = [marked(one, rng) for one in text.split("\n") if one.strip()]
    return INFOBOX + "\n\n".join([*paragraphs[:1], TABLE, *paragraphs[1:]]) + END


def marked(paragraph: str, rng: np.random.Generator) -> str:
    """A paragraph with links and emphasis at one word in ten, and a reference."""
    words = paragraph.split(" ")
    for place in np.flatnonzero(rng.random(len(words)) < 0.1):
        words[place] = ("[[{}]]", "[[x y|{}]]", "'''{}'''")[rng.integers(3)].replace("{}", words[place])
    return " ".join(words) + '<ref name="a">{{cite|title=b|url=https://example.org}}</ref>'


if __name__ == "__main__":
    main()

"""Where our normalisation of real texts and that of other libraries differ, by class, with an example of each.

    python benchmarks/differences.py --texts articles.jsonl.xz

Ours is NORMALIZED, the paper's chain; theirs are the functions of pyarabic and camel-tools that do the same. They have
none for mark-up and addresses, so that they get the texts without those. Words are aligned line by line; a pair that
differs is of the first class whose rule, done to both, makes them equal, or of several. Prints a Markdown table;
docs/arabic.md explains the classes. What is in no class is printed whole.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import polars as pl
from normalisation import asked, made_up, np, read, spaces, take

from arabic_llm_pipeline.arabic.clean import NORMALIZED, TextPolicy, clean_series

PATTERNS = TextPolicy(
    nfc=False, presentation_forms=False, persian_letters="keep", tatweel=False, controls=False, spaces=False
)
MARKS = "\u0653-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u08d3-\u08e1\u08e3-\u08ff"
PERSIAN = str.maketrans("\u06a9\u06aa\u06cc\u06be\u06c1\u06d5\u06c3", "\u0643\u0643\u064a\u0647\u0647\u0647\u0629")
HIGH_HAMZA = str.maketrans("\u0672\u0673\u0675", "\u0627" * 3)


def main() -> None:
    """Compare and print."""
    options = asked(__doc__)
    rng = np.random.default_rng(0)
    texts = pl.Series(take(read(options.texts) if options.texts else made_up(rng), options.megabytes * 1e6))
    ours, plain = clean_series(texts, NORMALIZED).to_list(), clean_series(texts, PATTERNS).to_list()
    for name, chain in (("pyarabic", with_pyarabic()), ("camel-tools", with_camel_tools())):
        found = Differences()
        for mine, text in zip(ours, plain, strict=True):
            found.add(mine, spaces(chain(text)))
        found.show(name, len(texts))


def kinds() -> dict[str, Callable[[str], str]]:
    """The classes, each a rule that takes what it is about from a text."""
    return {
        "stroke of a lone heh": lambda text: text.replace("\u0640", ""),
        "non-joiner": lambda text: text.replace("\u200c", ""),
        "other invisible signs": invisible,
        "mark-up behind such signs": lambda text: invisible(text).replace("==", ""),
        "Persian letters": lambda text: text.translate(PERSIAN),
        "rare Alifs": lambda text: text.translate(HIGH_HAMZA),
        "marks": lambda text: re.sub(f"[{MARKS}]", "", unicodedata.normalize("NFD", text)),
        "presentation forms": forms,
        "signs for phrases": lambda text: re.sub("[\ufdf0-\ufdfd]", phrase, text),
        "compatibility": lambda text: unicodedata.normalize("NFKC", text),
        "canonical composition": lambda text: unicodedata.normalize("NFC", text),
        "blanks": lambda text: re.sub(r"\s+", "", text),
    }


def invisible(text: str) -> str:
    """Without controls, format characters and private use, but for the two that are classes of their own."""
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Co") or char in "\u200c\n")


def forms(text: str) -> str:
    """With letters for the two blocks of Arabic presentation forms."""
    return re.sub("[\ufb50-\ufdef\ufe70-\ufeff]", lambda found: unicodedata.normalize("NFKC", found[0]).strip(), text)


def phrase(found: re.Match[str]) -> str:
    """A sign spelt out."""
    return unicodedata.normalize("NFKC", found[0])


@dataclass
class Differences:
    """Pairs of words that differ, by class."""

    texts: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[str, str]] = field(default_factory=dict)
    unknown: list[tuple[str, str]] = field(default_factory=list)

    def add(self, ours: str, theirs: str) -> None:
        """Compare one text."""
        self.texts += ours != theirs
        for mine, other in pairs(ours, theirs):
            for name in classes(mine, other):
                self.counts[name] += 1
                best = self.examples.setdefault(name, (mine, other))
                if len(mine) + len(other) < len(best[0]) + len(best[1]):
                    self.examples[name] = (mine, other)
            if not classes(mine, other):
                self.unknown.append((mine, other))

    def show(self, name: str, texts: int) -> None:
        """Print the table."""
        print(f"\n{name}: {self.texts:,} of {texts:,} texts differ\n")
        print("| class | words | ours | theirs |\n|---|---|---|---|")
        for kind, count in self.counts.most_common():
            mine, other = map(shown, self.examples[kind])
            print(f"| {kind} | {count:,} | {mine} | {other} |")
        print(f"| in no class | {len(self.unknown):,} | | |")
        for mine, other in self.unknown:
            print(f"    {shown(mine)} | {shown(other)}")


def pairs(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """Words that differ, with what stands for them in the other; by line, where there are as many of them."""
    mine, other = ours.split("\n"), theirs.split("\n")
    for one, two in zip(mine, other, strict=True) if len(mine) == len(other) else [(ours, theirs)]:
        if one != two:
            yield from words_of(re.split("[ \n]", one), re.split("[ \n]", two))


def words_of(words: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of words, aligned by what all rules leave of them; what does not align, as one."""
    keys = [[alike(word) for word in side] for side in (words, others)]
    for tag, i, j, k, m in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if tag != "equal":
            yield " ".join(words[i:j]), " ".join(others[k:m])
        else:
            yield from (pair for pair in zip(words[i:j], others[k:m], strict=True) if pair[0] != pair[1])


def alike(text: str, without: str = "") -> str:
    """A text after all rules, or all but one."""
    for name, rule in kinds().items():
        text = text if name == without else rule(text)
    return text


def classes(mine: str, other: str) -> list[str]:
    """The class of a difference; several where only they together explain it; none where all do not."""
    for name, rule in kinds().items():
        if rule(mine) == rule(other):
            return [name]
    if alike(mine) != alike(other):
        return []
    return [name for name in kinds() if alike(mine, name) != alike(other, name)] or ["blanks"]


def shown(text: str) -> str:
    """With invisible signs and blanks by their numbers."""
    seen = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[:60])
    return seen.replace("|", "\\|")


def with_pyarabic() -> Callable[[str], str]:
    """Its functions; normalize_alef makes an Alif of Alif Maksura, so that is made a Yeh first."""
    from pyarabic import araby

    def chain(text: str) -> str:
        text = araby.strip_tatweel(araby.strip_diacritics(text.replace("\u0649", "\u064a")))
        return str(araby.normalize_alef(araby.normalize_ligature(text)))

    return chain


def with_camel_tools() -> Callable[[str], str]:
    """Its functions; it has none for tatweel."""
    from camel_tools.utils import dediac, normalize

    def chain(text: str) -> str:
        text = dediac.dediac_ar(normalize.normalize_unicode(text).replace("\u0640", ""))
        return str(normalize.normalize_alef_maksura_ar(normalize.normalize_alef_ar(text)))

    return chain


if __name__ == "__main__":
    main()

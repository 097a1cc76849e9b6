"""Lemmas and clitics of Arabic words: by camel-tools where it and its data are installed, or by a light segmenter.

A clitic is written with the word it leans on: before it the conjunctions (and; so), the prepositions (with, like, to),
the particle of the future and the article; behind it a pronoun. Endings of number, gender and person are no clitics.
Pieces are cut from the word as it is written: put together they are the word again.
"""

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from arabic_llm_pipeline.arabic import alphabet, lexicon

CONJUNCTIONS = (alphabet.WAW, "\N{ARABIC LETTER FEH}")
LAM, SEEN = "\N{ARABIC LETTER LAM}", "\N{ARABIC LETTER SEEN}"
PREPOSITIONS = ("\N{ARABIC LETTER BEH}", alphabet.KAF, LAM)
ARTICLE = alphabet.ALEF + LAM
NOON, TEH = "\N{ARABIC LETTER NOON}", "\N{ARABIC LETTER TEH}"
SURE_PRONOUNS = (
    alphabet.HEH + alphabet.ALEF,
    alphabet.HEH + alphabet.MEEM,
    alphabet.HEH + NOON,
    alphabet.HEH + alphabet.MEEM + alphabet.ALEF,
    alphabet.KAF + alphabet.MEEM,
    alphabet.KAF + alphabet.MEEM + alphabet.ALEF,
)
OTHER_PRONOUNS = (alphabet.HEH, alphabet.KAF, NOON + alphabet.ALEF)  # endings of stems and verbs look the same
IMPERFECT = (alphabet.YEH, TEH, NOON, alphabet.ALEF_HAMZA_ABOVE)  # first letters of verbs in the present
MARKS = frozenset(alphabet.ARABIC_MARKS + alphabet.TATWEEL)
ALIKE = (
    dict.fromkeys(alphabet.ALEF_VARIANTS, alphabet.ALEF)
    | {alphabet.ALEF_MAKSURA: alphabet.YEH, alphabet.FARSI_YEH: alphabet.YEH, alphabet.TEH_MARBUTA: alphabet.HEH}
    | {alphabet.YEH_HAMZA: alphabet.YEH, alphabet.WAW_HAMZA: alphabet.WAW, alphabet.KEHEH: alphabet.KAF}
)
SHORTEST_STEM = 3
HOSTS = ("host", "before_pronoun")
RARE_BEFORE, RARE = ((CONJUNCTIONS[1],), (alphabet.KAF,)), 5  # clitics rarer than stems that begin so: more is asked
DATA_VARIABLE = "CAMELTOOLS_DATA"
CATALOGUE, COMPONENTS = "catalogue.json", ("MorphologyDB", "DisambigMLE")


class MorphologyError(Exception):
    """What camel-tools needs is not there; the text says what to install."""


class Pieces(NamedTuple):
    """A word with its clitics."""

    before: tuple[str, ...]
    stem: str
    behind: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """All pieces in their order: joined they are the word."""
        return (*self.before, self.stem, *self.behind)


class Analysis(NamedTuple):
    """What an analyser says of a word in its sentence; the lemma is None where it does not know the word."""

    lemma: str | None
    pieces: Pieces


def vocabulary(texts: pl.Series, least: int = 3) -> dict[str, int]:
    """How often each Arabic word is found in texts, without marks: what `LightSegmenter` asks for.

    Args:
        texts: of the kind and spelling that words will be cut in.
        least: rarer words are left out.
    """
    bare = texts.str.replace_all(f"[{''.join(sorted(MARKS))}]", "")
    words = bare.str.extract_all(f"[{alphabet.ARABIC_LETTERS}]+").explode().drop_nulls()
    counted = words.value_counts(name="count").filter(pl.col("count") >= least)
    return dict(counted.iter_rows())


def whole(word: str) -> Pieces:
    """A word without clitics."""
    return Pieces((), word, ())


@dataclass(frozen=True)
class LightSegmenter:
    """Cuts clitics where a vocabulary shows the stem without them.

    It is conservative: a word that is more frequent than its would-be stem stays whole, since letters of stems look
    like clitics. A stem has three letters at least, or is one that is known to carry pronouns (data/clitic_hosts.tsv).

    Attributes:
        counts: how often each word is found in a corpus, as it is written there, without diacritics.
        likelier: how many times as frequent as the word a stem must be behind a conjunction, preposition or the future,
            or before a pronoun.
        behind_article: the same behind the article, which few stems begin with.
        least: a stem is found so many times at least.
    """

    counts: Mapping[str, int]
    likelier: float = 1.0
    behind_article: float = 0.05
    least: int = 3
    _known: dict[str, Pieces] = field(default_factory=dict, compare=False, repr=False)

    def segment(self, word: str) -> Pieces:
        """The pieces of a word; marks and tatweel stay with the letter before them."""
        bare = "".join(char for char in word if char not in MARKS)
        if bare not in self._known:
            self._known[bare] = self._best(bare)
        found = self._known[bare]
        return found if bare == word else _along(word, found)

    def _best(self, word: str) -> Pieces:
        """The division whose stem is the most frequent of those that are good enough."""
        if _hosts().get(word) == "whole":
            return whole(word)
        found = [(_has_article(pieces), self._evidence(word, pieces), pieces) for pieces in _divisions(word)]
        good = [one for one in found if one[1] > 0]
        return max(good)[2] if good else whole(word)

    def _evidence(self, word: str, pieces: Pieces) -> float:
        """How frequent the stem of a division is; 0 where that is not enough."""
        role, count = _hosts().get(pieces.stem), self._frequency(pieces)
        if pieces.behind and role in HOSTS and not _has_article(pieces):
            return max(count, self.least)
        times = self.likelier * (RARE if pieces.before[-1:] in RARE_BEFORE or pieces.before[:1] in RARE_BEFORE else 1)
        wanted = self.counts.get(word, 0) * (self.behind_article if _has_article(pieces) else times)
        return count if count >= max(wanted, self.least) and self._fits(pieces) else 0

    def _frequency(self, pieces: Pieces) -> int:
        """How often the stem is found by itself, as it is written without the pronoun."""
        stem, role = pieces.stem, _hosts().get(pieces.stem)
        if (role == "whole" and (pieces.behind or _has_article(pieces))) or (
            role == "before_pronoun" and not pieces.behind
        ):
            return 0
        if len(stem) < SHORTEST_STEM and role is None:
            return 0
        count = self.counts.get(stem, 0)
        if pieces.behind and stem.endswith(TEH):
            count = max(count, self.counts.get(stem[:-1] + alphabet.TEH_MARBUTA, 0))
        return count

    def _fits(self, pieces: Pieces) -> bool:
        """Whether the clitics may stand at this stem."""
        stem = pieces.stem
        if SEEN in pieces.before and not stem.startswith(IMPERFECT):
            return False
        if not pieces.behind:
            return True
        if _has_article(pieces) or stem.endswith(alphabet.TEH_MARBUTA):
            return False
        if pieces.behind[0] in SURE_PRONOUNS:
            return True
        is_noun = max(self.counts.get(ARTICLE + form, 0) for form in (stem, stem[:-1] + alphabet.TEH_MARBUTA))
        return is_noun >= self.least or (stem.startswith(IMPERFECT[:2]) and pieces.behind[0] == alphabet.HEH)


def _has_article(pieces: Pieces) -> bool:
    """Whether the article is among the pieces; behind Lam it has lost its Alif."""
    return ARTICLE in pieces.before or pieces.before[-2:] == (LAM, LAM)


def _divisions(word: str) -> Iterator[Pieces]:
    """All ways to take clitics off a word, the word as a whole left out."""
    for before in _before(word):
        rest = word[sum(map(len, before)) :]
        for behind in ("", *SURE_PRONOUNS, *OTHER_PRONOUNS):
            if rest.endswith(behind) and len(rest) > len(behind) and (before or behind):
                yield Pieces(before, rest[: len(rest) - len(behind)], (behind,) if behind else ())


def _before(word: str) -> Iterator[tuple[str, ...]]:
    """The clitics that a word may begin with: a conjunction, then a preposition or the future, then the article."""
    for conjunction in ("", *CONJUNCTIONS):
        for particle in ("", *PREPOSITIONS, SEEN):
            for article in ("", LAM) if particle == LAM else ("",) if particle == SEEN else ("", ARTICLE):
                found = tuple(part for part in (conjunction, particle, article) if part)
                if word.startswith("".join(found)):
                    yield found


@lru_cache(maxsize=1)
def _hosts() -> dict[str, str]:
    """Short words that carry pronouns, and words that are never cut."""
    return {row["form"]: row["role"] for row in lexicon.read_table("clitic_hosts.tsv")}


def _along(word: str, pieces: Pieces) -> Pieces:
    """The same division of a word with marks."""
    cuts, found, place = [], 0, 0
    lengths = [len(part) for part in pieces.parts]
    for place, char in enumerate(word):
        if char not in MARKS:
            if lengths and found == lengths[0]:
                cuts.append(place)
                lengths, found = lengths[1:], 0
            found += 1
    ends = [0, *cuts, len(word)]
    parts = [word[a:b] for a, b in pairwise(ends)]
    first = len(pieces.before)
    return Pieces(tuple(parts[:first]), parts[first], tuple(parts[first + 1 :]))


class CamelAnalyser:
    """Lemmas and clitics by a disambiguator of camel-tools, each word in its sentence.

    Pieces are those of its feature `d3seg`, laid along the word as it is written; where the letters do not agree, the
    word stays whole.
    """

    def __init__(self, disambiguator: Any):
        """Use a disambiguator: an object with `disambiguate(words)`, as camel_tools.disambig.common has it."""
        self._disambiguator = disambiguator

    def analyse(self, words: Sequence[str]) -> list[Analysis]:
        """The analysis of each word of a sentence."""
        found = self._disambiguator.disambiguate(list(words))
        return [_analysis(word, one.analyses) for word, one in zip(words, found, strict=True)]


def installed_analyser(database: str = "calima-msa-r13") -> CamelAnalyser:
    """The maximum-likelihood disambiguator of camel-tools with a database that is installed. Nothing is downloaded.

    camel-tools asks the network for its catalogue as soon as it is imported, where none lies in its folder; so what is
    missing is found out before.

    Raises:
        MorphologyError: the package or the data is not installed; the text says how to install them.
    """
    if importlib.util.find_spec("camel_tools") is None:
        raise MorphologyError(
            "camel-tools is not installed: pip install 'arabic-llm-pipeline[camel]', then camel_data -i "
            f"disambig-mle-{database}; or use the light segmenter"
        )
    folder = Path(os.environ.get(DATA_VARIABLE, Path.home() / ".camel_tools")).expanduser()
    if missing := [path for path in _wanted(folder, database) if not path.exists()]:
        raise MorphologyError(
            f"camel-tools has no data: {missing[0]} does not exist. Run camel_data -i disambig-mle-{database} where "
            f"there is a network, or set {DATA_VARIABLE} to a folder that has it; or use the light segmenter"
        )
    from camel_tools.disambig.mle import MLEDisambiguator

    return CamelAnalyser(MLEDisambiguator.pretrained(database))


def _wanted(folder: Path, database: str) -> Iterator[Path]:
    """The catalogue of camel-tools, and the folders that it says the data lies in."""
    catalogue = folder / CATALOGUE
    yield catalogue
    known = json.loads(catalogue.read_text(encoding="utf-8"))["components"] if catalogue.exists() else {}
    for component in COMPONENTS:
        sets = known.get(component, {}).get("datasets", {})
        yield folder / "data" / (sets[database]["path"] if database in sets else f"{component}: {database}")


def _analysis(word: str, scored: Sequence[Any]) -> Analysis:
    """The best analysis of a word; of none, or where the analyser only guessed, the word without a lemma."""
    best = scored[0].analysis if scored else {}
    lemma, cut = best.get("lex"), best.get("d3seg")
    if not lemma or best.get("source") == "backoff" or not cut or cut == "NOAN":
        return Analysis(None, whole(word))
    return Analysis(_without_number(lemma), _laid_along(word, cut) or whole(word))


def _without_number(lemma: str) -> str:
    """A lemma without the number that tells homonyms apart, and without diacritics."""
    return "".join(char for char in lemma.partition("_")[0].partition("-")[0] if char not in MARKS)


def _laid_along(word: str, cut: str) -> Pieces | None:
    """The pieces of `d3seg` (`w+_b+_stem_+h`, with diacritics) cut from the word as written; None if they differ."""
    tokens = cut.split("_")
    bare = ["".join(char for char in token.strip("+") if char not in MARKS) for token in tokens]
    letters = [char for char in word if char not in MARKS]
    if not all(bare) or [ALIKE.get(c, c) for c in "".join(bare)] != [ALIKE.get(c, c) for c in letters]:
        return None
    before = sum(token.endswith("+") for token in tokens)
    behind = sum(token.startswith("+") for token in tokens)
    if before + behind != len(tokens) - 1:
        return None
    end = len(bare) - behind
    return _along(word, Pieces(tuple(bare[:before]), bare[before], tuple(bare[end:])))

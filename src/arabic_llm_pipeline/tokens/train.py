"""Tokenizers learned from texts: byte-level BPE and unigram models, with borders at words and clitics."""

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from arabic_llm_pipeline.arabic.morphology import LightSegmenter, MorphologyError, Pieces, installed_analyser
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerTrainingSettings
from arabic_llm_pipeline.tokens import clitics
from arabic_llm_pipeline.tokens.memo import words
from arabic_llm_pipeline.tokens.probes import check_ids
from arabic_llm_pipeline.tokens.splits import WORDS, byte_splitter, qwen2_pattern, splitter
from arabic_llm_pipeline.tokens.tokenizer import (
    END,
    END_OF_TEXT,
    PAD,
    PLAIN,
    PLAIN_CLASS,
    QWEN2,
    QWEN2_CLASS,
    START,
    save_trained,
)
from arabic_llm_pipeline.tokens.units import Units, learn_bpe, learn_unigram

log = logging.getLogger(__name__)
MOST = 2_000_000  # different words in memory, some 300 MB; beyond, those seen once are forgotten
LEAST = 3  # a word is found so often before its clitics are asked for


class Segmenter(Protocol):
    """What divides words at their clitics."""

    def segment(self, word: str) -> Pieces:
        """The pieces of a word; joined they are the word."""


def train(texts: Iterable[str], settings: TokenizerTrainingSettings, directory: Path) -> Path:
    """Learn a tokenizer and write its directory, with ChatML; the same texts give the same files.

    What it encodes it gives back byte for byte, but that it composes characters first (NFC), which also brings the
    diacritics of a letter into one order.

    Args:
        texts: what it learns from, in any number: counts of their words are kept, not they.
        settings: algorithm, borders, size.
        directory: where it goes.

    Raises:
        UserError: the vocabulary is too small for the characters; or what the segmenter needs is not installed.
    """
    from tokenizers import Tokenizer, decoders, normalizers

    counts = count_words(texts)
    patterns = borders(counts, settings)
    pieces = _pieces(counts, patterns)
    special = [PAD, END_OF_TEXT, START, END, *settings.special_tokens]
    of_bytes = settings.split == QWEN2
    units = Units.of_bytes() if of_bytes else Units.of_characters(pieces, settings.coverage)
    model = (
        learn_bpe(pieces, units, settings.vocabulary, settings.min_frequency, special)
        if settings.algorithm == "bpe"
        else learn_unigram(pieces, units, settings.vocabulary - len(special))
    )
    backend: Tokenizer = Tokenizer(model)
    backend.normalizer, backend.decoder = normalizers.NFC(), decoders.ByteLevel()
    backend.pre_tokenizer = byte_splitter(patterns)
    save_trained(backend, special, directory, QWEN2_CLASS if of_bytes else PLAIN_CLASS)
    for model_type in (QWEN2 if of_bytes else PLAIN, None):
        check_ids(directory, model_type)
    return directory


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Stretches of text between single spaces, each with the space before it, and how often each is found."""
    firsts: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for text in texts:
        first, *rest = words(unicodedata.normalize("NFC", text))
        firsts[first] += 1
        others.update(rest)
        for counter in (firsts, others):
            if len(counter) > MOST:
                _forget(counter)
    counts = Counter({f" {word}": count for word, count in others.items()})
    counts.update(firsts)
    return counts


def _forget(counter: Counter[str]) -> None:
    rare = [word for word, count in counter.items() if count == 1]
    for word in rare:
        del counter[word]
    log.info("%d words that were seen once are not counted: %d others fill the memory.", len(rare), len(counter))


def borders(counts: Mapping[str, int], settings: TokenizerTrainingSettings) -> list[str]:
    """The patterns that text is split by, one after another."""
    if settings.split == QWEN2:
        return [qwen2_pattern()]
    if settings.split == "words":
        return [WORDS]
    bare = clitics.bare_counts(counts)
    segmenter: Segmenter = LightSegmenter(bare) if settings.segmenter == "light" else _Analysed()
    cut, whole = divide(bare, segmenter, settings.cut_words)
    log.info("Clitics: %d words are divided by a list, the most frequent of %d.", len(cut), len(bare))
    return [WORDS, *clitics.patterns(cut, whole)]


def divide(bare: Mapping[str, int], segmenter: Segmenter, most: int) -> tuple[list[Pieces], list[str]]:
    """The most frequent words that have clitics, so many at most, and those as frequent that have none."""
    cut: list[Pieces] = []
    whole: list[str] = []
    for word, count in bare.items():
        if count < LEAST or len(cut) == most:
            break
        pieces = segmenter.segment(word)
        if len(pieces.parts) > 1:
            cut.append(pieces)
        else:
            whole.append(word)
    return cut, whole


class _Analysed:
    """camel-tools' analyser as a segmenter: each word by itself."""

    def __init__(self) -> None:
        try:
            self._analyser = installed_analyser()
        except MorphologyError as error:
            raise UserError(
                f"tokenizer_training.segmenter=camel: {error} (tokenizer_training.segmenter=light)"
            ) from error

    def segment(self, word: str) -> Pieces:
        """The pieces of the best analysis."""
        return self._analyser.analyse([word])[0].pieces


def _pieces(counts: Mapping[str, int], patterns: list[str]) -> Counter[str]:
    """How often each piece is found by which tokens are learned."""
    split, pieces = splitter(patterns), Counter[str]()
    for word, count in counts.items():
        for piece, _ in split.pre_tokenize_str(word):
            pieces[piece] += count
    return pieces

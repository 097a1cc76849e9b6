"""What tokenizers make of a corpus: how many tokens a word takes, and what is torn apart."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.arabic.alphabet import ARABIC_MARKS
from arabic_llm_pipeline.arabic.clean import VOCALISED_RATIO
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.progress import progress
from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.tokens.texts import VIEWS, draw

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

MARKS = frozenset(ARABIC_MARKS)
BYTE = re.compile("<0x[0-9A-F]{2}>")  # how tokenizers of SentencePiece write what they have no token for
ALL, VOCALISED = "all", "vocalised"  # groups beside the dialects
COUNTS = (
    "texts", "words", "whole_words", "tokens", "characters", "bytes", "unknown", "part_tokens", "marked_words",
    "torn_words",
)  # fmt: skip
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
VOCALISED_TEXT = (pl.col("quality").struct.field("diacritics_ratio") >= VOCALISED_RATIO).fill_null(False)
RATIOS = {
    "tokens_per_word": (pl.col("tokens") / pl.col("words")).fill_nan(None),
    "characters_per_token": (pl.col("characters") / pl.col("tokens")).fill_nan(None),
    "bytes_per_token": (pl.col("bytes") / pl.col("tokens")).fill_nan(None),
}
TABLE = pl.Schema(
    {"tokenizer": pl.String, "view": pl.String, "group": pl.String}
    | dict.fromkeys(COUNTS, pl.Int64)
    | dict.fromkeys(("tokens_per_word", "characters_per_token", "bytes_per_token"), pl.Float64)
)


def measure(documents: ShardSet, tokenizers: Mapping[str, Path], sample: int, seed: int) -> pl.DataFrame:
    """A row for each tokenizer, view of the text and group (a dialect, vocalised texts, all).

    Views: the text as it is taught, without diacritics, and `text_normalized`. Columns, beside sizes: `whole_words`
    (words that are not split), `unknown` (tokens that stand for anything), `part_tokens` (tokens that begin or end
    inside a character, or are bytes by name), `marked_words` (with diacritics), and `torn_words` (a token of which
    begins with a diacritic, apart from its letter). Words are by spaces; fertility is `tokens_per_word` (Rust et al.
    2021, arXiv 2012.15613).

    Args:
        documents: kept ones are drawn.
        tokenizers: directories with a tokenizer.json, by name.
        sample: texts of each dialect, and of vocalised ones.
        seed: of the sample.

    Raises:
        UserError: a directory holds no fast tokenizer.
    """
    texts = drawn(documents, sample, seed)
    rows = []
    with progress("Fertility", len(tokenizers) * len(VIEWS)) as advance:
        for name, directory in tokenizers.items():
            tokenizer = load(name, directory)
            for view, expression in VIEWS.items():
                counted = _counted(tokenizer, texts.with_columns(text=expression))
                rows += [{"tokenizer": name, "view": view, **row} for row in _by_group(counted)]
                advance(1)
    frame = pl.DataFrame(rows, schema={name: TABLE[name] for name in TABLE if name not in RATIOS})
    return frame.with_columns(**RATIOS).select(TABLE.names())


def measure_texts(tokenizer: "Tokenizer", texts: Sequence[str]) -> dict[str, float | None]:
    """The same of some texts taken together, with shares of words: whole_words, and torn_words of those with marks."""
    sums = _counted(tokenizer, pl.DataFrame({"text": texts})).select(pl.col(COUNTS).sum())
    shares = {
        "whole_words": pl.col("whole_words") / pl.col("words"),
        "torn_words": (pl.col("torn_words") / pl.col("marked_words")).fill_nan(None),
    }
    return sums.with_columns(**RATIOS, **shares).row(0, named=True)


def drawn(documents: ShardSet, sample: int, seed: int) -> pl.DataFrame:
    """Texts of kept documents with their dialects: so many of each, and of vocalised ones where there are any."""
    kept = documents.scan().filter(pl.col("reason").is_null()).select("id", "dialect", vocalised=VOCALISED_TEXT)
    ranks = kept.with_columns(_draw=draw(f"fertility {seed}").rank("ordinal")).with_columns(
        _of_dialect=pl.col("_draw").rank("ordinal").over("dialect"),
        _of_marked=pl.col("_draw").rank("ordinal").over("vocalised"),
    )
    few = (pl.col("_of_dialect") <= sample) | (pl.col("vocalised") & (pl.col("_of_marked") <= sample))
    chosen = ranks.filter(few).select("id", "dialect", "vocalised", "_draw").collect()
    texts = [  # shard by shard, as texts of a whole corpus do not fit into memory
        pl.scan_parquet(path)
        .select("id", text=contents("messages"))
        .filter(pl.col("id").is_in(chosen["id"].implode()))
        .collect()
        for path in documents.paths
    ]
    return chosen.join(pl.concat(texts), on="id").sort("_draw").drop("_draw", "id")


def load(name: str, directory: Path) -> "Tokenizer":
    """A tokenizer to compare, as its file has it.

    Raises:
        UserError: the directory holds no fast tokenizer.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    except Exception as error:  # the library raises nothing more special
        raise UserError(
            f"fertility.tokenizers: {name} in {directory} is no fast tokenizer ({error}). Name a directory with a "
            "tokenizer.json."
        ) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _counted(tokenizer: "Tokenizer", texts: pl.DataFrame) -> pl.DataFrame:
    unknown = _unknown(tokenizer)
    encodings = tokenizer.encode_batch(texts["text"].to_list(), add_special_tokens=False)
    rows = [_count(text, found, unknown) for text, found in zip(texts["text"], encodings, strict=True)]
    return pl.concat([texts.drop("text"), pl.DataFrame(rows, schema=dict.fromkeys(COUNTS, pl.Int64))], how="horizontal")


def _unknown(tokenizer: "Tokenizer") -> int | None:
    token = getattr(tokenizer.model, "unk_token", None)
    return tokenizer.token_to_id(token) if token else None


def _count(text: str, encoding: "Encoding", unknown: int | None) -> dict[str, int]:
    spaces = np.array([character.isspace() for character in text], dtype=bool)
    marks = np.array([character in MARKS for character in text], dtype=bool)
    first = ~spaces & np.append(True, spaces)[: len(text)]  # of a word
    word = np.cumsum(first) - 1  # that each character is of
    begins, inside = _borders(encoding, len(text))
    within = begins & ~first & ~spaces
    return {
        "texts": 1,
        "words": int(first.sum()),
        "whole_words": int(first.sum()) - len(np.unique(word[(within | inside) & ~spaces])),
        "tokens": len(encoding),
        "characters": len(text),
        "bytes": len(text.encode()),
        "unknown": 0 if unknown is None else encoding.ids.count(unknown),
        "part_tokens": _part_tokens(encoding),
        "marked_words": len(np.unique(word[marks & ~spaces])),
        "torn_words": len(np.unique(word[within & marks])),
    }


def _borders(encoding: "Encoding", length: int) -> tuple[Flags, Flags]:
    """For each character, whether a token begins with it, and whether one begins inside it."""
    starts, ends = _spans(encoding)
    overlaps = np.append(False, starts[1:] < ends[:-1])[: len(starts)]
    begins, inside = np.zeros(length, dtype=bool), np.zeros(length, dtype=bool)
    begins[starts[~overlaps & (starts < length)]] = True
    inside[starts[overlaps]] = True
    return begins, inside


def _part_tokens(encoding: "Encoding") -> int:
    starts, ends = _spans(encoding)
    overlaps = starts[1:] < ends[:-1]
    parts = (np.append(overlaps, False) | np.append(False, overlaps))[: len(starts)]
    return int((parts | np.array([BYTE.fullmatch(token) is not None for token in encoding.tokens], dtype=bool)).sum())


def _spans(encoding: "Encoding") -> tuple[Ints, Ints]:
    starts, ends = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2).T
    return starts, ends


def _by_group(counted: pl.DataFrame) -> Iterator[dict[str, Any]]:
    groups = [(ALL, counted), (VOCALISED, counted.filter("vocalised"))]
    dialects = counted.drop_nulls("dialect").sort("dialect").partition_by("dialect", maintain_order=True)
    groups += [(frame["dialect"][0], frame) for frame in dialects]
    for name, frame in groups:
        if len(frame):
            yield {"group": name, **frame.select(pl.col(COUNTS).sum()).row(0, named=True)}

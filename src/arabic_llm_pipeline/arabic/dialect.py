"""A first dialect tagger: weighted markers, no model file.

A text's words (in the spelling of MATCHING_KEY) are looked up in data/dialect_markers.tsv: a word as it stands, a word
behind a conjunction, else its affixes. The weights of what is found are added up for each region, a softmax makes
shares of them, the largest is the tag and its share the score. Long texts count less per word, as their words depend
on each other. Words without a marker speak a little for the standard language, as does a text of nothing else.
A text of few words is tagged only by a marker in it; a text that is mostly not Arabic is not tagged.
"""

from functools import lru_cache

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import lexicon
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.arabic.columns import elementwise, from_series

REGIONS = ("MSA", "EGY", "GLF", "LEV", "MGR")
UNKNOWN = "unknown"
MIN_WORDS = 3  # Arabic words below which a text without a marker of a dialect is unknown
MIN_ARABIC = 0.5  # of all words
FULL_WEIGHT_WORDS = 25  # longer texts have their evidence divided by the square root of their length over this
MAX_UNMARKED = 30
CONJUNCTIONS = "\N{ARABIC LETTER WAW}\N{ARABIC LETTER FEH}"
CONSTANTS = ("<unmarked>", "<constant>")
TAG = pl.Struct({"dialect": pl.String, "dialect_score": pl.Float32})


def tag(text: str) -> tuple[str, float]:
    """The dialect of a text (MSA, EGY, GLF, LEV, MGR, unknown) and the share of the evidence for it, 0 to 1."""
    found = tag_series(pl.Series([text], dtype=pl.String))[0]
    return found["dialect"], found["dialect_score"]


def tag_expr(expr: pl.Expr) -> pl.Expr:
    """The tags of a column inside a polars plan: a struct of `dialect` (String) and `dialect_score` (Float32)."""
    return elementwise(expr, tag_series, TAG)


def tag_series(texts: pl.Series) -> pl.Series:
    """The tags of a column, as `tag_expr` gives them; null where the text is."""
    from arabic_llm_pipeline.arabic import dialect_kernel

    keys, weights, constants = _markers()
    column = from_series(clean_series(texts, MATCHING_KEY))
    totals, counts = dialect_kernel.mark(column.data, column.offsets, column.valid, keys, weights)
    arabic, other, marked, dialectal = counts.T
    damping = np.minimum(1.0, np.sqrt(FULL_WEIGHT_WORDS / np.maximum(arabic, 1)))
    totals += np.minimum(arabic - marked, MAX_UNMARKED)[:, None] * constants[0]
    shares = _softmax(totals * damping[:, None] + constants[1])
    known = (arabic >= np.maximum(MIN_ARABIC * (arabic + other), 1)) & ((arabic >= MIN_WORDS) | (dialectal > 0))
    frame = pl.DataFrame(
        {
            "dialect": np.where(known, np.array(REGIONS)[shares.argmax(axis=1)], UNKNOWN),
            "dialect_score": np.where(known, shares.max(axis=1), 0.0).astype(np.float32),
        }
    )
    valid = pl.lit(pl.Series(column.valid))
    return frame.select(pl.when(valid).then(pl.struct(pl.all())).alias(texts.name)).to_series()


def is_arabic(char: str) -> bool:
    """Whether a character is one of the letters that words of Arabic are made of."""
    return "\u0620" <= char <= "\u064a" or "\u0671" <= char <= "\u06d3"


@lru_cache(maxsize=1)
def _markers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted hashes of the forms; their weights by region, and whether a dialect claims them; the two constants."""
    rows = {row["form"]: row for row in lexicon.read_table("dialect_markers.tsv")}
    constants = np.array([_weights(rows.pop(name)) for name in CONSTANTS])
    keys = np.array([lexicon.word_hash(form) for form in rows], np.uint64)
    claimed = ["*" not in form and row["regions"] not in ("", "MSA") for form, row in rows.items()]
    weights = np.array([_weights(row) for row in rows.values()])
    order = np.argsort(keys)
    table = np.hstack([weights, np.array(claimed, float)[:, None]])[order]
    keys = keys[order]
    keys.flags.writeable = table.flags.writeable = False
    return keys, table, constants


def _weights(row: dict[str, str]) -> list[float]:
    return [float(row[region]) for region in REGIONS]


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return shares

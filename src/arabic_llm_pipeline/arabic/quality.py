"""What the rules of quality look at in a text: words, lines, repetition, signs of a wrong decoding.

A token is a run of letters, marks, digits and tatweel, or a run of one and the same sign; a word is a token of the
first kind. Lines without any token do not count. The measures are those of Gopher (Rae et al. 2021, "Scaling Language
Models", appendix A.1.1) and FineWeb (Penedo et al. 2024) as the library datatrove computes them, with four differences:
tokens are ours, not those of a language's own tokenizer; lines are compared without their blanks; a run of words that
occurs less than four times is not the "most frequent" one of a short text (its title is); of equally frequent runs the
longest counts.
"""

from functools import lru_cache

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet, lexicon, markup, wordlist
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.arabic.columns import elementwise, from_series

MEASURES = (
    "tokens", "words", "word_length", "symbols", "alphabetic", "bullet_lines", "ellipsis_lines", "duplicate_lines",
    "duplicate_line_characters", "line_punctuation", "new_lines", "top_2grams", "top_3grams", "top_4grams",
    "duplicate_5grams", "duplicate_6grams", "duplicate_7grams", "duplicate_8grams", "duplicate_9grams",
    "duplicate_10grams",
)  # fmt: skip
DTYPE = pl.Struct(dict.fromkeys(MEASURES, pl.Float32))
# Bits of the table of kinds, the same as in quality_kernel.py (a test compares them).
SPACE, NEWLINE, WORD, ALPHA, TERMINAL, CLOSER, BULLET, HIGH = 1, 2, 4, 8, 16, 32, 64, 128
TERMINALS = ".!?\N{HORIZONTAL ELLIPSIS}\N{DOUBLE EXCLAMATION MARK}\N{INTERROBANG}:;" + (
    alphabet.QUESTION_MARK + alphabet.FULL_STOP_URDU + alphabet.SEMICOLON
)
BULLETS = "-*\N{BULLET}\N{TRIANGULAR BULLET}\N{BLACK SMALL SQUARE}\N{MIDDLE DOT}\N{EN DASH}\N{EM DASH}\N{WHITE BULLET}"
CODE_PAGES = ("latin-1", "cp1252")  # what bytes from 80 to FF are taken for; latin-1 last would hide C1 controls
# Windows-1256 has them, and so do texts behind a word.
IN_ARABIC = "\N{ARABIC COMMA}\N{ARABIC SEMICOLON}\N{ARABIC QUESTION MARK}\N{HORIZONTAL ELLIPSIS}"
QUOTES = "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}" + (
    "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT DOUBLE QUOTATION MARK}"
    "\N{RIGHT DOUBLE QUOTATION MARK}\N{EN DASH}\N{EM DASH}\N{NO-BREAK SPACE}\N{BULLET}\N{MIDDLE DOT}"
    "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{SOFT HYPHEN}"
)
RUN = 3  # tokens whose runs say how much two texts share
REFUSES, ASKS_FOR_LATIN, SCAFFOLD = "refuses", "asks_for_latin", "scaffold"
LONG_WORD = 4  # letters: shorter words stand twice in right sentences, too
LOOP = "duplicate_10grams"  # the measure that tells an answer that runs in circles
OPENING = 300  # characters of an answer in which a refusal is looked for: who refuses does so at once
LATIN_WORD = r"[A-Za-z]{2,}"
ANY_WORD = r"[\p{L}\p{M}]{2,}"
CODE = r"(?s)```.*?(?:```|$)|`[^`\n]+`"


def measures_expr(expr: pl.Expr) -> pl.Expr:
    """All measures of a column inside a polars plan: a struct of the fields of `MEASURES` (Float32)."""
    return elementwise(expr, measures, DTYPE)


def measures(texts: pl.Series) -> pl.Series:
    """All measures of each text, as a struct; null where the text is."""
    from arabic_llm_pipeline.arabic import quality_kernel

    column = from_series(texts)
    found = quality_kernel.tally(column.data, column.offsets, column.valid, _kinds()).astype(np.float32)
    frame = pl.DataFrame({name: found[:, number] for number, name in enumerate(MEASURES)})
    valid = pl.lit(pl.Series(column.valid))
    return frame.select(pl.when(valid).then(pl.struct(pl.all())).alias(texts.name)).to_series()


def mojibake_expr(expr: pl.Expr) -> pl.Expr:
    """The share of a text that comes of a wrong decoding (Float32).

    Found are bytes of Windows-1256 or UTF-8 read as Latin-1 or Windows-1252, UTF-8 read as Windows-1256, and U+FFFD.
    """
    return elementwise(expr, mojibake, pl.Float32)


def mojibake(texts: pl.Series) -> pl.Series:
    """The share of each text that comes of a wrong decoding; null where the text is."""
    from arabic_llm_pipeline.arabic import quality_kernel

    column = from_series(texts)
    found = quality_kernel.broken(column.data, column.offsets, column.valid, _kinds(), _glyphs())
    return pl.Series(texts.name, found, dtype=pl.Float32).set(~pl.Series(column.valid), None)


def likeness_expr(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """How much of two texts is the same (Float32): runs of three words that both have, of all that any has.

    Words are compared in the spelling of MATCHING_KEY; a text of fewer words shares nothing.
    """
    pair = pl.struct(one.alias("one"), other.alias("other"))
    return pair.map_batches(_likeness, return_dtype=pl.Float32, is_elementwise=True)


def refusals_expr(expr: pl.Expr) -> pl.Expr:
    """How many of the phrases with which assistants refuse, or say what they are, a text opens with (Float32)."""
    return elementwise(expr, _refusals, pl.Float32)


def scaffolds_expr(expr: pl.Expr) -> pl.Expr:
    """How many kinds of marks a text has that belong to the form it was made in (Float32): Output:, <noinput>."""
    return elementwise(expr, _scaffolds, pl.Float32)


def doubled_expr(expr: pl.Expr) -> pl.Expr:
    """The share of words that only repeat the word before them (Float32); words of four letters and more."""
    return elementwise(expr, _doubled, pl.Float32)


def loop_expr(expr: pl.Expr) -> pl.Expr:
    """The share of a text's characters in runs of ten tokens that stood in it before (Float32)."""
    return measures_expr(expr).struct.field(LOOP)


def residue_expr(asked: pl.Expr, answer: pl.Expr) -> pl.Expr:
    """The share of Latin words in an answer (Float32) that nobody asked for.

    It is 0 where the question has a Latin word itself, or asks for one (a translation, a program); code and addresses
    in the answer do not count.
    """
    wanted = elementwise(asked, _asks_for_latin, pl.Boolean) | asked.str.contains(LATIN_WORD)
    prose = answer.str.replace_all(f"{CODE}|{markup.ADDRESS}", " ")
    words = prose.str.count_matches(ANY_WORD)
    share = prose.str.count_matches(LATIN_WORD) / words
    return pl.when(wanted | (words == 0)).then(0.0).otherwise(share).cast(pl.Float32)


def _likeness(pairs: pl.Series) -> pl.Series:
    from arabic_llm_pipeline.arabic import quality_kernel

    one, other = (from_series(clean_series(pairs.struct.field(name), MATCHING_KEY)) for name in ("one", "other"))
    columns = (one.data, one.offsets, one.valid, other.data, other.offsets, other.valid)
    found = pl.Series(pairs.name, quality_kernel.likeness(*columns, _kinds(), RUN), dtype=pl.Float32)
    return found.set(~pl.Series(one.valid & other.valid), None)


def _refusals(texts: pl.Series) -> pl.Series:
    keys = clean_series(texts.str.head(OPENING), MATCHING_KEY)
    found = pl.Series(np.zeros(len(keys)), dtype=pl.Float32)
    rows = keys.str.contains("|".join(_phrases(REFUSES))).fill_null(False).arg_true()
    if len(rows) == 0:
        return found.alias(texts.name)
    hits = [keys.gather(rows).str.contains(phrase).to_numpy() for phrase in _phrases(REFUSES)]
    return found.scatter(rows, pl.Series(np.sum(hits, axis=0), dtype=pl.Float32)).alias(texts.name)


def _scaffolds(texts: pl.Series) -> pl.Series:
    hits = [texts.str.contains(pattern).cast(pl.Float32) for pattern in _marks()]
    return (
        pl.DataFrame({str(n): hit for n, hit in enumerate(hits)}).sum_horizontal(ignore_nulls=False).alias(texts.name)
    )


def _doubled(texts: pl.Series) -> pl.Series:
    words, before = wordlist.words(texts), pl.col("word").shift(1).over("row")  # punctuation sticks, and parts clauses
    said = pl.col("word").str.strip_chars_end(TERMINALS + alphabet.COMMA + ",")
    same = (said == before) & (said.str.len_chars() >= LONG_WORD)
    shares = words.with_columns(same=same.fill_null(False)).group_by("row").agg(share=pl.col("same").mean())
    zeros = texts.str.len_bytes().cast(pl.Float32) * 0
    return zeros.scatter(shares["row"], shares["share"].cast(pl.Float32))


def _asks_for_latin(texts: pl.Series) -> pl.Series:
    return clean_series(texts, MATCHING_KEY).str.contains("|".join(_phrases(ASKS_FOR_LATIN)))


@lru_cache(maxsize=2)
def _phrases(kind: str) -> tuple[str, ...]:
    """Regular expressions over whole words, from the table that comes with the package."""
    rows = lexicon.read_table("answer_phrases.tsv")
    return tuple(rf"(?:^|\s){row['pattern']}" for row in rows if row["kind"] == kind)


@lru_cache(maxsize=1)
def _marks() -> tuple[str, ...]:
    """Regular expressions over texts as they are, from the same table."""
    return tuple(row["pattern"] for row in lexicon.read_table("answer_phrases.tsv") if row["kind"] == SCAFFOLD)


@lru_cache(maxsize=1)
def _kinds() -> np.ndarray:
    """What each code point is to the kernel."""
    kinds = np.zeros(alphabet.CODE_POINTS, np.uint8)
    kinds[alphabet.is_category("Z", "Cc")] |= SPACE
    kinds[alphabet.is_category("L", "M", "N")] |= WORD
    kinds[alphabet.is_category("L")] |= ALPHA
    kinds[alphabet.is_category("Pe", "Pf", "Pi")] |= CLOSER
    high = {char for byte in range(0x80, 0x100) for page in CODE_PAGES for char in bytes([byte]).decode(page, "ignore")}
    for bit, chars in (
        (WORD, alphabet.TATWEEL),
        (NEWLINE, alphabet.LINE_BREAKS),
        (TERMINAL, TERMINALS),
        (CLOSER, "\"'" + alphabet.ORNATE_PARENTHESES),
        (BULLET, BULLETS),
        (HIGH, "".join(high)),
    ):
        kinds[[ord(char) for char in chars]] |= bit
    kinds[ord(alphabet.TATWEEL)] = WORD
    kinds.flags.writeable = False
    return kinds


@lru_cache(maxsize=1)
def _glyphs() -> np.ndarray:
    """Which code points are what Windows-1256 has at 80 to BF, but for what stands behind Arabic words anyway."""
    glyphs = np.zeros(alphabet.CODE_POINTS, bool)
    chars = set(bytes(range(0x80, 0xC0)).decode("cp1256")) - set(IN_ARABIC + QUOTES)
    glyphs[[ord(char) for char in chars]] = True
    glyphs.flags.writeable = False
    return glyphs

"""Texts whose dialect is known: read from their sources, cut, and parted into train, dev and test.

A text's part is decided by a hash of it, so that adding a source moves none. What is near to a tested text (word
triples in common) is not trained on, whatever set it is from: commentary was collected more than once. Of a set whose
dialect is that of its origin, only texts with a word of it are trained on: people everywhere write the standard too.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import dialect, lexicon
from arabic_llm_pipeline.arabic.buckwalter import to_arabic
from arabic_llm_pipeline.arabic.classifier_fit import Texts
from arabic_llm_pipeline.arabic.dialect import Model
from arabic_llm_pipeline.corpus import labelled
from arabic_llm_pipeline.corpus.sources import FoundFiles, SourceFile, read_file
from arabic_llm_pipeline.parameters.dialect import DialectModelSettings, DialectSource

TEXTS = pl.Schema({"source": pl.String, "dialect": pl.String, "key": pl.String, "part": pl.String})
CONJUNCTIONS = ("\N{ARABIC LETTER WAW}", "\N{ARABIC LETTER FEH}")  # written with the word after them


def read(files: FoundFiles, settings: DialectModelSettings, max_line_mb: float) -> pl.DataFrame:
    """All texts in the spelling of MATCHING_KEY, with their sources, dialects and parts.

    `part` is train, dev, test, or why a text is none of them: near_test, near_dev, licence, over_limit,
    unmarked (its source is `marked`, and it has no word of its dialect).

    Raises:
        UserError: no source is named, or one gives nothing.
    """
    frame = labelled.read(files, settings.sources, "dialect", _texts, max_line_mb)
    return part(labelled.cut(frame, settings), settings)


def _texts(file: SourceFile, max_bytes: int) -> Iterator[tuple[str, str]]:
    transliterated = isinstance(file.source, DialectSource) and file.source.buckwalter
    for table, row in read_file(file, max_bytes):
        if table == "documents" and row["dialect"] not in (None, dialect.UNKNOWN):
            text = row["messages"][0]["content"]
            yield row["dialect"], to_arabic(text) if transliterated else text


def part(frame: pl.DataFrame, settings: DialectModelSettings) -> pl.DataFrame:
    """The texts of `labelled.cut` with their parts."""
    sources = settings.sources.chosen()
    frame = labelled.parted(frame, settings, sources)
    frame = _marked(frame, sources)
    frame = labelled.kept_apart(frame, settings.near)
    return _limited(frame, sources).select(TEXTS.names())


def _marked(frame: pl.DataFrame, sources: dict[str, DialectSource]) -> pl.DataFrame:
    """Take texts of dialects without a word of their dialect (data/dialect_words.tsv) from what is trained on."""
    marked = [name for name, source in sources.items() if source.marked]
    asked = pl.col("source").is_in(marked) & (pl.col("dialect") != "MSA") & pl.col("part").is_in(["train", "dev"])
    words = frame.filter(asked).select("row", "dialect", word=pl.col("key").str.split(" ")).explode("word")
    found = words.join(known_words(), on=["word", "dialect"], how="semi")["row"].unique()
    lacking = asked & ~pl.col("row").is_in(found.implode())
    return frame.with_columns(part=pl.when(lacking).then(pl.lit("unmarked")).otherwise("part"))


def known_words() -> pl.DataFrame:
    """The words that tell a dialect, with and without a conjunction: `word`, `dialect`, a row for each dialect."""
    table = pl.DataFrame(lexicon.read_table("dialect_words.tsv")).rename({"form": "word", "regions": "dialect"})
    table = table.with_columns(pl.col("dialect").str.split(",")).explode("dialect")
    joined = [table.with_columns(word=pl.concat_str(pl.lit(sign), "word")) for sign in CONJUNCTIONS]
    return pl.concat([table, *joined]).unique(maintain_order=True)


def _limited(frame: pl.DataFrame, sources: dict[str, DialectSource]) -> pl.DataFrame:
    """At most so many texts of each dialect of a source are trained on, those of the lowest hashes."""
    limits = {name: source.per_dialect or len(frame) for name, source in sources.items()}
    rank = pl.col("group").bin.encode("hex").rank("ordinal").over("source", "dialect", "part")
    over = (pl.col("part") == "train") & (rank > pl.col("source").replace_strict(limits, return_dtype=pl.Int64))
    return frame.with_columns(part=pl.when(over).then(pl.lit("over_limit")).otherwise("part"))


def fit(frame: pl.DataFrame, settings: DialectModelSettings) -> Model:
    """A model of the texts of the part `train`, calibrated on those of `dev`.

    Raises:
        UserError: one of the parts has no text.
    """
    words = known_words()
    labels = np.array([dialect.REGIONS.index(name) for name in words["dialect"]], np.int64)
    marks = Texts(words["word"], labels, np.ones(len(words))) if settings.bayes else None
    return labelled.fit(frame, "dialect", dialect.REGIONS, settings, settings.sources.chosen(), marks)


def tagged(frame: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Texts with the dialect that a model finds the most likely, and its score."""
    shares, _ = dialect.scores(frame["key"], model)
    tags = pl.Series("tag", np.array(dialect.REGIONS)[shares.argmax(axis=1)], dtype=pl.String)
    return frame.with_columns(tags, pl.Series("score", shares.max(axis=1)))

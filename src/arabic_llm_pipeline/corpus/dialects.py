"""Texts whose dialect is known: read from their sources, cut, and parted into train, dev and test.

A text's part is decided by a hash of it, so that adding a source moves none. What is near to a tested text (word
triples in common) is not trained on, whatever set it is from: commentary was collected more than once. Of a set whose
dialect is that of its origin, only texts with a word of it are trained on: people everywhere write the standard too.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import dialect, dialect_fit, lexicon
from arabic_llm_pipeline.arabic.buckwalter import to_arabic
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.arabic.dialect import Model
from arabic_llm_pipeline.arabic.dialect_fit import Fitting, Texts
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.ingest import MB, source_files
from arabic_llm_pipeline.corpus.keys import hashed
from arabic_llm_pipeline.corpus.sources import FoundFiles, SourceFile, read_file
from arabic_llm_pipeline.parameters.dialect import DialectModelSettings, DialectSource

TEXTS = pl.Schema({"source": pl.String, "dialect": pl.String, "key": pl.String, "part": pl.String})
TRIPLE = 3  # words
COMMON = 200  # triples in more texts than this are phrases, and tell nothing of copying
CONJUNCTION = "^[\N{ARABIC LETTER WAW}\N{ARABIC LETTER FEH}]"  # written with the word after it
ARABIC = "[\u0620-\u064a\u0671-\u06d3]"  # letters that words of Arabic are made of


def read(files: FoundFiles, settings: DialectModelSettings, max_line_mb: float) -> pl.DataFrame:
    """All texts in the spelling of MATCHING_KEY, with their sources, dialects and parts.

    `part` is train, dev, test, or why a text is none of them: near_test, near_dev, licence, over_limit,
    unmarked (its source is `marked`, and it has no word of its dialect).

    Raises:
        UserError: no source is named, or one gives nothing.
    """
    sources = settings.sources.chosen()
    if not sources:
        raise UserError("There is nothing to train on: name sources in dialect_model.sources")
    read_in = [_read(file, int(max_line_mb * MB)) for file in source_files(settings.sources, files)]
    frame = pl.concat(read_in).filter(pl.col("dialect") != "unknown", pl.col("key").str.contains(ARABIC))
    if empty := sorted({*sources} - {*frame["source"]}):
        raise UserError(f"Source {empty[0]} gives no text of a known dialect: look at its columns and dialects")
    return part(cut(frame, settings), settings)


def _read(file: SourceFile, max_bytes: int) -> pl.DataFrame:
    """The texts of one file with their dialects."""
    rows = list(_texts(file, max_bytes))
    frame = pl.DataFrame(rows, schema={"dialect": pl.String, "text": pl.String}, orient="row")
    key = clean_series(frame["text"], MATCHING_KEY).str.replace_all(r"\s+", " ").str.strip_chars()
    return frame.select(source=pl.lit(file.name), dialect="dialect", key=key)


def _texts(file: SourceFile, max_bytes: int) -> Iterator[tuple[str, str]]:
    transliterated = isinstance(file.source, DialectSource) and file.source.buckwalter
    for table, row in read_file(file, max_bytes):
        if table == "documents" and row["dialect"]:
            text = row["messages"][0]["content"]
            yield row["dialect"], to_arabic(text) if transliterated else text


def cut(frame: pl.DataFrame, settings: DialectModelSettings) -> pl.DataFrame:
    """The first pieces of each text, of so many words; `group` tells which were one text. None is there twice."""
    size, last = settings.piece_words, settings.pieces
    words = frame.with_columns(group=hashed(pl.col("key"), str(settings.seed)), key=pl.col("key").str.split(" "))
    starts = pl.int_ranges(0, pl.min_horizontal(pl.col("key").list.len(), size * last), size)
    pieces = words.with_columns(start=starts).explode("start").drop_nulls("start")
    pieces = pieces.with_columns(key=pl.col("key").list.slice(pl.col("start"), size).list.join(" ")).drop("start")
    return pieces.filter(pl.col("key") != "").unique("key", keep="first", maintain_order=True)


def part(frame: pl.DataFrame, settings: DialectModelSettings) -> pl.DataFrame:
    """The texts of `cut` with their parts."""
    sources = settings.sources.chosen()
    open_ = {name for name, source in sources.items() if source.licence in (settings.licences or [source.licence])}
    share = pl.col("group").bin.slice(0, 4).bin.reinterpret(dtype=pl.UInt32, endianness="big") / 2**32
    test = pl.col("source").replace_strict({n: s.test for n, s in sources.items()}, return_dtype=pl.Float64)
    place = (share - test) / (1 - test)
    parted = (
        pl.when(share < test).then(pl.lit("test"))
        .when(~pl.col("source").is_in(sorted(open_))).then(pl.lit("licence"))
        .when(place < settings.dev).then(pl.lit("dev")).otherwise(pl.lit("train"))
    )  # fmt: skip
    frame = frame.with_columns(part=parted, row=pl.int_range(pl.len(), dtype=pl.UInt32))
    frame = _marked(frame, sources)
    frame = _without(frame, "test", ("dev", "train"), settings.near)
    frame = _without(frame, "dev", ("train",), settings.near)
    return _limited(frame, sources).select(TEXTS.names())


def _marked(frame: pl.DataFrame, sources: dict[str, DialectSource]) -> pl.DataFrame:
    """Take texts of dialects without a word of their dialect (data/dialect_words.tsv) from what is trained on."""
    table = pl.DataFrame(lexicon.read_table("dialect_words.tsv")).rename({"form": "word", "regions": "dialect"})
    known = table.with_columns(pl.col("dialect").str.split(",")).explode("dialect")
    marked = [name for name, source in sources.items() if source.marked]
    asked = pl.col("source").is_in(marked) & (pl.col("dialect") != "MSA") & pl.col("part").is_in(["train", "dev"])
    words = frame.filter(asked).select("row", "dialect", word=pl.col("key").str.split(" ")).explode("word")
    bare = words.with_columns(pl.col("word").str.replace(CONJUNCTION, ""))
    found = pl.concat([words, bare]).join(known, on=["word", "dialect"], how="semi")["row"].unique()
    lacking = asked & ~pl.col("row").is_in(found.implode())
    return frame.with_columns(part=pl.when(lacking).then(pl.lit("unmarked")).otherwise("part"))


def _without(frame: pl.DataFrame, kept: str, others: tuple[str, ...], share: float) -> pl.DataFrame:
    """Take out of some parts what is near to another part."""
    triples = _triples(frame.filter(pl.col("part").is_in([kept, *others])))
    sizes = triples.group_by("row").agg(size=pl.len())
    rare = triples.filter(pl.len().over("triple") <= COMMON).join(frame.select("row", "part"), on="row")
    left, right = rare.filter(pl.col("part") == kept), rare.filter(pl.col("part") != kept)
    pairs = right.join(left, on="triple", suffix="_kept").group_by("row", "row_kept").agg(same=pl.len())
    pairs = pairs.join(sizes, on="row").join(sizes.rename({"row": "row_kept", "size": "size_kept"}), on="row_kept")
    near = pairs.filter(pl.col("same") >= share * pl.min_horizontal("size", "size_kept"))["row"].unique()
    taken = pl.col("row").is_in(near.implode())
    return frame.with_columns(part=pl.when(taken).then(pl.lit(f"near_{kept}")).otherwise("part"))


def _triples(frame: pl.DataFrame) -> pl.DataFrame:
    """The distinct word triples of each row; a shorter text is one of its own."""
    words = frame.select("row", word=pl.col("key").str.split(" ")).explode("word")
    following = [pl.col("word").shift(-n).over("row") for n in range(TRIPLE)]
    triples = words.select("row", triple=pl.concat_str(following, separator=" ")).drop_nulls("triple")
    short = frame.filter(pl.col("key").str.count_matches(" ", literal=True) < TRIPLE - 1)
    both = pl.concat([triples, short.select("row", triple="key")])
    return both.select("row", pl.col("triple").hash()).unique()


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
    parts = {name: frame.filter(pl.col("part") == name) for name in ("train", "dev")}
    if empty := [name for name, part in parts.items() if part.is_empty()]:
        raise UserError(
            f"No text is left for {empty[0]} of {len(frame)}: name more sources, or other dialect_model.licences"
        )
    how = Fitting(**settings.model_dump(include={field.name for field in fields(Fitting)}))
    train, held = (_texts_of(parts[name], settings) for name in ("train", "dev"))
    return dialect_fit.fit(train, held, how, _about(parts["train"], settings))


def tagged(frame: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Texts with the dialect that a model finds the most likely, and its score."""
    shares, _ = dialect.scores(frame["key"], model)
    tags = pl.Series("tag", np.array(dialect.REGIONS)[shares.argmax(axis=1)], dtype=pl.String)
    return frame.with_columns(tags, pl.Series("score", shares.max(axis=1)))


def _texts_of(frame: pl.DataFrame, settings: DialectModelSettings) -> Texts:
    """Texts with the weights of their sources."""
    weights = {name: source.weight for name, source in settings.sources.chosen().items()}
    counts = frame["source"].replace_strict(weights, return_dtype=pl.Float64).to_numpy()
    labels = np.array([dialect.REGIONS.index(name) for name in frame["dialect"]], np.int64)
    return Texts(frame["key"], labels, counts)


def _about(train: pl.DataFrame, settings: DialectModelSettings) -> dict[str, Any]:
    """What a model is told of itself: its sources, how many texts of each, their licences, and the settings."""
    counts = dict(train.group_by("source").len().sort("source").rows())
    sources = settings.sources.chosen()
    return {
        "sources": {name: {"texts": count, "licence": sources[name].licence} for name, count in counts.items()},
        "settings": settings.model_dump(exclude={"sources"}),
    }

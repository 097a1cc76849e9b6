"""Texts whose class is known: read, spelt alike, cut, parted into train, dev and test, and a classifier fitted to them.

A text's part is decided by a hash of it, so that adding a source moves none. What is near to a tested text (word
triples in common) is not trained on, whatever set it is from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import classifier_fit
from arabic_llm_pipeline.arabic.classifier import Model
from arabic_llm_pipeline.arabic.classifier_fit import Fitting, Texts
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.ingest import MB, source_files
from arabic_llm_pipeline.corpus.keys import hashed
from arabic_llm_pipeline.corpus.sources import FoundFiles, SourceFile
from arabic_llm_pipeline.parameters.classifier import ClassifierSettings, LabelledSource
from arabic_llm_pipeline.parameters.sources import NamedSources, Source

TRIPLE = 3  # words
COMMON = 200  # triples in more texts than this are phrases, and tell nothing of copying
ARABIC = "[\u0620-\u064a\u0671-\u06d3]"  # letters that words of Arabic are made of


def read(
    files: FoundFiles,
    sources: NamedSources[Source],
    label: str,
    texts: Callable[[SourceFile, int], Iterator[tuple[str, str]]],
    max_line_mb: float,
) -> pl.DataFrame:
    """All texts that have a word of Arabic: source, the column of labels, key (spelt as MATCHING_KEY does).

    Args:
        files: of all sources.
        sources: what the configuration says of them.
        label: what is known of a text: the column's name.
        texts: the labels and texts of a file, longer lines than so many bytes left out.
        max_line_mb: longer lines are left out.

    Raises:
        UserError: no source is named, or one gives nothing.
    """
    if not sources.chosen():
        raise UserError(f"There is nothing to train on: name sources in {label}_model.sources")
    schema, parts = {label: pl.String, "text": pl.String}, []
    for file in source_files(sources, files):
        part = pl.DataFrame(list(texts(file, int(max_line_mb * MB))), schema=schema, orient="row")
        parts.append(part.select(pl.lit(file.name).alias("source"), label, key=_key(part["text"])))
    frame = pl.concat(parts).filter(pl.col("key").str.contains(ARABIC))
    if empty := sorted({*sources.chosen()} - {*frame["source"]}):
        raise UserError(f"Source {empty[0]} gives no text whose {label} is known: look at its columns and labels")
    return frame


def _key(texts: pl.Series) -> pl.Series:
    """Texts in the spelling of MATCHING_KEY, a blank between words."""
    return clean_series(texts, MATCHING_KEY).str.replace_all(r"\s+", " ").str.strip_chars()


def cut(frame: pl.DataFrame, settings: ClassifierSettings) -> pl.DataFrame:
    """The first pieces of each text, of so many words; `group` tells which were one text. None is there twice."""
    size, last = settings.piece_words, settings.pieces
    words = frame.with_columns(group=hashed(pl.col("key"), str(settings.seed)), key=pl.col("key").str.split(" "))
    starts = pl.int_ranges(0, pl.min_horizontal(pl.col("key").list.len(), size * last), size)
    pieces = words.with_columns(start=starts).explode("start").drop_nulls("start")
    pieces = pieces.with_columns(key=pl.col("key").list.slice(pl.col("start"), size).list.join(" ")).drop("start")
    return pieces.filter(pl.col("key") != "").unique("key", keep="first", maintain_order=True)


def parted(frame: pl.DataFrame, settings: ClassifierSettings, sources: Mapping[str, LabelledSource]) -> pl.DataFrame:
    """The texts of `cut` with a number, `row`, and the part of each: test, licence, dev or train."""
    open_ = {name for name, source in sources.items() if source.licence in (settings.licences or [source.licence])}
    share = pl.col("group").bin.slice(0, 4).bin.reinterpret(dtype=pl.UInt32, endianness="big") / 2**32
    test = pl.col("source").replace_strict({n: s.test for n, s in sources.items()}, return_dtype=pl.Float64)
    place = (share - test) / (1 - test)
    part = (
        pl.when(share < test).then(pl.lit("test"))
        .when(~pl.col("source").is_in(sorted(open_))).then(pl.lit("licence"))
        .when(place < settings.dev).then(pl.lit("dev")).otherwise(pl.lit("train"))
    )  # fmt: skip
    return frame.with_columns(part=part, row=pl.int_range(pl.len(), dtype=pl.UInt32))


def kept_apart(frame: pl.DataFrame, near: float) -> pl.DataFrame:
    """Nothing near a tested text is in another part, and nothing near one of dev is trained on."""
    frame = _without(frame, "test", ("dev", "train"), near)
    return _without(frame, "dev", ("train",), near)


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


def fit(
    frame: pl.DataFrame,
    label: str,
    names: Sequence[str],
    settings: ClassifierSettings,
    sources: Mapping[str, LabelledSource],
    marks: Texts | None = None,
) -> Model:
    """A model of the texts of the part `train`, calibrated on those of `dev`.

    Args:
        frame: source, key, part, and the column of labels.
        label: the column's name.
        names: of the classes.
        settings: how it is fitted.
        sources: what a text of each counts, and its licence.
        marks: words known to tell a class, which are blended in.

    Raises:
        UserError: one of the parts has no text.
    """
    parts = {name: frame.filter(pl.col("part") == name) for name in ("train", "dev")}
    if empty := [name for name, part in parts.items() if part.is_empty()]:
        raise UserError(f"No text is left for {empty[0]} of {len(frame)}: name more sources, or other licences")
    how = Fitting(**settings.model_dump(include={field.name for field in fields(Fitting)}))
    weights = {name: source.weight for name, source in sources.items()}
    train, held = (_texts_of(parts[name], label, names, weights) for name in ("train", "dev"))
    return classifier_fit.fit(train, held, how, names, _about(parts["train"], settings, sources), marks)


def _texts_of(frame: pl.DataFrame, label: str, names: Sequence[str], weights: Mapping[str, float]) -> Texts:
    """Texts with the positions of their labels and the weights of their sources."""
    counts = frame["source"].replace_strict(weights, return_dtype=pl.Float64).to_numpy()
    return Texts(frame["key"], np.array([names.index(name) for name in frame[label]], np.int64), counts)


def _about(train: pl.DataFrame, settings: ClassifierSettings, sources: Mapping[str, LabelledSource]) -> dict[str, Any]:
    """What a model is told of itself: its sources, how many texts of each, their licences, and the settings."""
    counts = dict(train.group_by("source").len().sort("source").rows())
    return {
        "sources": {name: {"texts": count, "licence": sources[name].licence} for name, count in counts.items()},
        "settings": settings.model_dump(exclude={"sources"}),
    }

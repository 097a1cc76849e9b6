"""The dialect model against TF-IDF and a linear SVM of scikit-learn, on the same texts; and how fast it tags.

    python benchmarks/dialects.py FOLDER            # where the sets of conf/dialects lie; or ARABIC_LLM_SHARED_DATA
    python benchmarks/dialects.py FOLDER --speed    # only the speed

Prints markdown: macro-F1 on the test parts of the four labelled sets, alone and pooled, for several choices of what is
trained on; then each set by models that saw nothing of it; then MB/s of a core beside scikit-learn's, in pairs.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported: one core for all

import polars as pl
import yaml
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

from arabic_llm_pipeline.arabic import dialect
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.corpus import dialects, labelled
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.evaluation.dialects import macro_f1
from arabic_llm_pipeline.parameters.dialect import DialectModelSettings

CONF = Path(__file__).parents[1] / "conf" / "dialects" / "parameters" / "dialect_model.yml"
LABELLED = ("lrec2018", "aoc", "arsarcasm", "qadi")
Tag = Callable[[pl.DataFrame], pl.Series]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("ARABIC_LLM_SHARED_DATA"))
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    if options.folder is None:
        print("Skipped: name the folder of the sets, as an argument or in ARABIC_LLM_SHARED_DATA.")
        return
    given = yaml.safe_load(CONF.read_text(encoding="utf-8"))["dialect_model"]
    everything = DialectModelSettings(**given | {"licences": []})
    texts = read(Path(options.folder), everything)
    if not options.speed:
        accuracy(texts, DialectModelSettings(**given), everything)
    speed(texts, options.pairs)


def accuracy(texts: pl.DataFrame, shipped: DialectModelSettings, everything: DialectModelSettings) -> None:
    """The two tables of macro-F1."""
    four, ours = texts.filter(pl.col("source").is_in(LABELLED)), everything.sources.chosen()
    open_ = [name for name, source in ours.items() if source.licence in shipped.licences]
    test = four.filter(pl.col("part") == "test")
    print(f"| trained on | by | {' | '.join(LABELLED)} | pooled |\n| --- | --- |{' --- |' * 5}")
    row("the four sets", "scikit-learn", svm(four), test)
    row("the four sets, Arabic words only", "scikit-learn", svm(arabic_words(four)), arabic_words(test))
    row("the four sets", "ours", model(four, everything), test)
    row("all sets", "ours", model(texts, everything), test)
    row("sets that may be passed on", "ours", model(texts.filter(pl.col("source").is_in(open_)), shipped), test)
    without = [name for name in open_ if name != "lrec2018"]
    row("the same without lrec2018", "ours", model(texts.filter(pl.col("source").is_in(without)), shipped), test)
    left_out_table(texts, {"open": shipped, "all": everything}, open_)


def left_out_table(texts: pl.DataFrame, settings: dict[str, DialectModelSettings], open_: list[str]) -> None:
    """Each set by models that saw nothing of it; both on the same rows, near copies of tested texts taken out."""
    four = texts.filter(pl.col("source").is_in(LABELLED))
    print(f"\n| trained without the set | by | {' | '.join(LABELLED)} |\n| --- | --- |{' --- |' * 4}")
    for name, by, rows, how in (
        ("the three others", "scikit-learn", four, settings["all"]),
        ("the three others", "ours", four, settings["all"]),
        ("all others", "ours", texts, settings["all"]),
        ("all others that may be passed on", "ours", texts.filter(pl.col("source").is_in(open_)), settings["open"]),
    ):
        found = [left_out(source, by, rows, four, how) for source in LABELLED]
        print(f"| {name} | {by} | {' | '.join(f'{value:.3f}' for value in found)} |", flush=True)


def left_out(source: str, by: str, rows: pl.DataFrame, four: pl.DataFrame, settings: DialectModelSettings) -> float:
    """Macro-F1 on the test part of a set by a model that saw nothing of the set, nor anything near that part."""
    seen = rows.filter(pl.col("source") != source)
    test = four.filter(pl.col("source") == source, pl.col("part") == "test")
    tag = svm(seen) if by == "scikit-learn" else model(seen, settings)
    return macro_f1(test["dialect"], tag(test))


def row(name: str, by: str, tag: Tag, test: pl.DataFrame) -> None:
    """One table row."""
    found = test.with_columns(tag(test).alias("tag"))
    parts = [found.filter(pl.col("source") == source) for source in LABELLED] + [found]
    scores = [macro_f1(part["dialect"], part["tag"]) for part in parts]
    print(f"| {name} | {by} | {' | '.join(f'{value:.3f}' for value in scores)} |", flush=True)


def model(texts: pl.DataFrame, settings: DialectModelSettings) -> Tag:
    """A model of ours, fitted to the train part of texts."""
    fitted = dialects.fit(texts, settings)
    return lambda frame: dialects.tagged(frame, fitted)["tag"]


def svm(texts: pl.DataFrame) -> Tag:
    """The peer, fitted to the train and dev parts (it calibrates nothing)."""
    fitted = peer(texts.filter(pl.col("part").is_in(["train", "dev"])))
    return lambda frame: pl.Series(fitted.predict(frame["key"].to_list()).tolist())


def peer(train: pl.DataFrame) -> Pipeline:
    """TF-IDF of characters 2-5 and words 1-2, linear SVM."""
    characters = TfidfVectorizer(analyzer="char", ngram_range=(2, 5), min_df=2)
    words = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), min_df=2)
    return make_pipeline(make_union(characters, words), LinearSVC()).fit(
        train["key"].to_list(), train["dialect"].to_list()
    )


def arabic_words(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts without the words that tell their source: masks of names and addresses, Latin words, numbers."""
    arabic = pl.element().filter(pl.element().str.contains(labelled.ARABIC))
    return frame.with_columns(key=pl.col("key").str.split(" ").list.eval(arabic).list.join(" "))


def speed(texts: pl.DataFrame, pairs: int) -> None:
    """Raw text to tags on one core, ours and the peer's by turns."""
    frame = texts.filter(pl.col("part") == "test").sample(6000, seed=0)
    fitted = peer(texts.filter(pl.col("part") == "train", pl.col("source").is_in(LABELLED)).sample(5000, seed=0))
    small, large = frame["key"].head(1000), pl.concat([frame["key"]] * 4)
    dialect.tag_series(small)
    own, others = [], []
    for _ in range(pairs):
        own.append(rate(dialect.tag_series, large))
        others.append(rate(lambda t: fitted.predict(clean_series(t, MATCHING_KEY).to_list()), small))
    ratios = [mine / other for mine, other in zip(own, others, strict=True)]
    print(f"\ntag_series {statistics.median(own):.0f} MB/s a core (range {min(own):.0f} to {max(own):.0f});", end=" ")
    print(f"scikit-learn {statistics.median(others):.2f} MB/s;", end=" ")
    print(f"ratio {statistics.median(ratios):.0f} ({min(ratios):.0f} to {max(ratios):.0f})")


def rate(function: Callable[[pl.Series], object], texts: pl.Series) -> float:
    """Megabytes of UTF-8 for a second of the processor."""
    start = time.process_time()
    function(texts)
    return float(texts.str.len_bytes().sum()) / 1e6 / (time.process_time() - start)


def read(folder: Path, settings: DialectModelSettings) -> pl.DataFrame:
    """The texts with their parts."""
    files = {
        name: [path for pattern in source.paths for path in sorted(folder.glob(pattern))]
        for name, source in settings.sources.chosen().items()
    }
    return dialects.read(FoundFiles(folder, files), settings, 1.0)


if __name__ == "__main__":
    main()

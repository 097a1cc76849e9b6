"""How well toxicity is told, by what the model was trained on, beside the list of words; and how fast.

    python benchmarks/toxicity.py FOLDER            # where the sets of conf/toxicity lie; or ARABIC_LLM_SHARED_DATA

Prints markdown: precision, recall and F1 on the test parts of the judged sets, and the share of normal tweets that are
called toxic: by the list, by models of all sets, of those that may be passed on, and of all but the one tested on. Then
MB/s of a core on articles, with the list and with the model, by turns.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported: one core for all

import polars as pl
import yaml

from arabic_llm_pipeline.arabic import toxicity
from arabic_llm_pipeline.corpus import toxicity as texts_room
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.evaluation.toxicity import measure
from arabic_llm_pipeline.parameters.audit import ToxicityModelSettings

CONF = Path(__file__).parents[1] / "conf" / "toxicity" / "parameters" / "toxicity_model.yml"
JUDGED = ("l_hsab", "t_hsab", "mlma")
NORMAL = ("arsarcasm", "wiki_ar")
OPEN = ["Apache-2.0", "MIT", "CC BY 4.0", "CC BY-SA 4.0"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("ARABIC_LLM_SHARED_DATA"))
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    if options.folder is None:
        print("Skipped: name the folder of the sets, as an argument or in ARABIC_LLM_SHARED_DATA.")
        return
    settings = ToxicityModelSettings(**yaml.safe_load(CONF.read_text(encoding="utf-8"))["toxicity_model"])
    texts = read(Path(options.folder), settings)
    accuracy(texts, settings)
    speed(texts, settings, options.pairs)


def accuracy(texts: pl.DataFrame, settings: ToxicityModelSettings) -> None:
    """The table."""
    sources = settings.sources.chosen()
    closed = [name for name, source in sources.items() if source.licence not in OPEN]
    print(f"| trained on | told by | {' | '.join(JUDGED)} | false alarms: {' | '.join(NORMAL)} |")
    print(f"| --- | --- |{' --- |' * (len(JUDGED) + len(NORMAL))}")
    everything = measured(texts, texts, settings)
    row("nothing", "lexicon", everything)
    for by in ("model", "both"):
        row("all sets", by, everything)
        row("sets that may be passed on", by, measured(without(texts, closed), texts, settings))
        others = [measured(without(texts, [name]), texts, settings) for name in JUDGED]
        left_out = [one for name, rows in zip(JUDGED, others, strict=True) for one in rows if one["source"] == name]
        row("all but the set", by, left_out)


def without(texts: pl.DataFrame, sources: list[str]) -> pl.DataFrame:
    """Texts without those of some sources that a model would see."""
    return texts.filter(~pl.col("source").is_in(sources) | (pl.col("part") == "test"))


def measured(seen: pl.DataFrame, texts: pl.DataFrame, settings: ToxicityModelSettings) -> list[dict[str, Any]]:
    """The figures of a model that saw some texts, on all test parts."""
    return measure(texts_room.judged(texts.filter(pl.col("part") == "test"), texts_room.fit(seen, settings)))


def row(name: str, by: str, rows: list[dict[str, Any]]) -> None:
    """One table row: precision / recall / F1, and false alarms in percent."""
    found = {one["source"]: one for one in rows if one["by"] == by}
    cells = [" / ".join(f"{found[source][key] or 0:.3f}" for key in ("precision", "recall", "f1")) for source in JUDGED]
    cells += [f"{100 * found[source]['false_alarms']:.1f} %" if source in found else "" for source in NORMAL]
    print(f"| {name} | {by} | {' | '.join(cells)} |", flush=True)


def speed(texts: pl.DataFrame, settings: ToxicityModelSettings, pairs: int) -> None:
    """Raw text to scores on one core, with the list and with both, by turns."""
    articles = texts.filter(pl.col("source") == "wiki_ar")["key"].sample(8000, with_replacement=True, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        path.write_bytes(texts_room.fit(texts, settings).to_bytes())
        toxicity.scores(articles.head(10), "both", path)
        rates = [[rate(articles, by, path) for by in ("lexicon", "both")] for _ in range(pairs)]
    for name, values in zip(("lexicon", "both"), zip(*rates, strict=True), strict=True):
        print(f"{name}: {statistics.median(values):.0f} MB/s a core ({min(values):.0f} to {max(values):.0f})")


def rate(texts: pl.Series, by: toxicity.By, model: Path) -> float:
    """Megabytes of UTF-8 for a second of the processor."""
    start = time.process_time()
    toxicity.scores(texts, by, model)
    return float(texts.str.len_bytes().sum()) / 1e6 / (time.process_time() - start)


def read(folder: Path, settings: ToxicityModelSettings) -> pl.DataFrame:
    """The texts with their parts."""
    files = {
        name: [path for pattern in source.paths for path in sorted(folder.glob(pattern))]
        for name, source in settings.sources.chosen().items()
    }
    return texts_room.read(FoundFiles(folder, files), settings, 1.0)


if __name__ == "__main__":
    main()

"""The pipeline that trains a toxicity model: from files to a model that the audit tells by; and real sets."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from arabic_llm_pipeline.arabic import toxicity
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import toxicity as room
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.datasets.sources import SourceFiles
from arabic_llm_pipeline.evaluation.toxicity import measure
from arabic_llm_pipeline.parameters.audit import ToxicityModelSettings
from arabic_llm_pipeline.parameters.engine import IngestSettings
from arabic_llm_pipeline.pipelines.toxicity_model.pipeline import create_pipeline

SOURCE = {"format": "jsonl", "path": "texts.jsonl", "licence": "CC0", "columns": {"prompt": "t", "answers": "c"},
          "classes": {"bad": "toxic", "good": "normal"}, "test": 0.3}  # fmt: skip


def run(root: Path, **settings: Any) -> dict[str, Any]:
    """Every node in its order; the data sets by name."""
    model, files = ToxicityModelSettings(**settings), SourceFiles()
    files.bind(root, {name: source.paths for name, source in model.sources.chosen().items()})
    data = {"toxicity_source_files": files.load(), "params:toxicity_model": model, "params:ingest": IngestSettings()}
    for node in create_pipeline().nodes:
        data |= node.run({name: data[name] for name in node.inputs})
    return data


def test_it_learns_what_it_was_shown_and_the_audit_tells_by_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nouns = ["بيت", "كتاب", "شجرة", "مدينة", "بحر", "طريق", "سوق", "جبل", "باب", "نهر"]
    rows = [
        {"t": " ".join([*rng.choice(nouns, 7), word, word]), "c": label}
        for label, word in (("bad", "زرنوق"), ("good", "فنجور"), ("unsure", "زرنوق"))
        for _ in range(120)
    ]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    data = run(tmp_path, sources={"made": SOURCE}, bits=12)
    texts, scores = data["toxicity_texts"], data["toxicity_model_scores"]
    assert texts.schema == room.TEXTS
    assert set(texts["toxicity"]) == {"toxic", "normal"}
    assert len(texts) <= 240  # the label that has no class is left out
    by_model, by_list, both = scores
    assert (by_model["source"], by_model["by"]) == ("made", "model")
    assert by_model["f1"] > 0.95
    assert by_list["recall"] == 0.0
    assert both["texts"] == (texts["part"] == "test").sum()
    (tmp_path / "model.npz").write_bytes(data["toxicity_model"])
    told = toxicity.scores(pl.Series(["بيت زرنوق", "بيت فنجور"]), model=tmp_path / "model.npz")
    assert told[0] > 0.5 > told[1]


def test_what_cannot_be_trained_on_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name sources in toxicity_model"):
        run(tmp_path)
    (tmp_path / "texts.jsonl").write_text('{"t": "بيت", "c": "other"}', encoding="utf-8")
    with pytest.raises(UserError, match="gives no text whose toxicity is known"):
        run(tmp_path, sources={"made": SOURCE})
    with pytest.raises(ValueError, match="has items, not records of document"):
        ToxicityModelSettings(sources={"x": {"format": "text", "path": "a", "licence": "MIT", "record": "document"}})


# F1 of a model of the judged sets, and of the list; measured 0.759, 0.720, 0.821 and 0.387, 0.476, 0.261.
FLOORS = {("l_hsab", "model"): 0.72, ("t_hsab", "model"): 0.65, ("mlma", "model"): 0.79,
          ("l_hsab", "lexicon"): 0.35, ("t_hsab", "lexicon"): 0.44, ("mlma", "lexicon"): 0.22}  # fmt: skip


def test_real_sets(project: Path, shared_data: Path) -> None:
    conf = (project / "conf/toxicity/parameters/toxicity_model.yml").read_text(encoding="utf-8")
    given = yaml.safe_load(conf)["toxicity_model"]["sources"]
    settings = ToxicityModelSettings(sources={name: given[name] for name, _ in FLOORS})
    files = {name: [shared_data / path for path in source.paths] for name, source in settings.sources.chosen().items()}
    texts = room.read(FoundFiles(shared_data, files), settings, 1.0)
    test = room.judged(texts.filter(pl.col("part") == "test"), room.fit(texts, settings))
    found = {(row["source"], row["by"]): row["f1"] for row in measure(test)}
    assert {name: found[name] for name, floor in FLOORS.items() if found[name] <= floor} == {}

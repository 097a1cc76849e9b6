"""The pipeline that trains a dialect model: from files to a model that preprocessing tags with."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.arabic import dialect
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.corpus.records import DOCUMENTS
from arabic_llm_pipeline.datasets.files import BytesFile, OutsideFile
from arabic_llm_pipeline.datasets.sources import SourceFiles
from arabic_llm_pipeline.parameters.dialect import DialectModelSettings, DialectSettings
from arabic_llm_pipeline.parameters.engine import IngestSettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from arabic_llm_pipeline.pipelines.dialect_model.pipeline import create_pipeline

OWN = {"EGY": "زرنوق", "MGR": "فنجور"}  # no dialect has these words: only a model that was taught them tells them
SOURCE = {"format": "jsonl", "path": "texts.jsonl", "licence": "CC0", "columns": {"text": "text", "dialect": "dialect"},
          "test": 0.3}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict:
    root, rng = tmp_path_factory.mktemp("raw"), np.random.default_rng(0)
    nouns = ["بيت", "كتاب", "شجرة", "مدينة", "بحر", "طريق", "سوق", "جبل", "باب", "نهر"]
    rows = [
        {"text": " ".join([*rng.choice(nouns, 7), word, word]), "dialect": name}
        for name, word in OWN.items()
        for _ in range(100)
    ]
    (root / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    settings, files = DialectModelSettings(sources={"made": SOURCE}, bits=12), SourceFiles()
    files.bind(root, {"made": ["texts.jsonl"]})
    data = {"dialect_source_files": files.load(), "params:dialect_model": settings, "params:ingest": IngestSettings()}
    for node in create_pipeline().nodes:
        data |= node.run({name: data[name] for name in node.inputs})
    return data


def test_it_learns_what_it_was_shown_and_measures_it(trained: dict) -> None:
    (scores,) = trained["dialect_model_scores"]
    assert scores["macro_f1"] > 0.95
    assert scores["texts"] == (trained["dialect_texts"]["part"] == "test").sum()


def cleaned(model: Path | None, **settings: float) -> list[str]:
    texts = ["بيت كبير زرنوق زرنوق", "بحر واسع فنجور فنجور"]
    rows = [{"kind": "prose", "messages": [{"role": "document", "content": text}]} for text in texts]
    frame = pl.DataFrame(rows, schema_overrides={"messages": DOCUMENTS["messages"]})
    frame = frame.with_columns(pl.lit(None, DOCUMENTS[name]).alias(name) for name in DOCUMENTS if name not in frame)
    step = Cleaning("documents", TextSettings(), FilterSettings(), DialectSettings(**settings), model)
    return step(frame.lazy(), 0).collect()["dialect"].to_list()


def test_preprocessing_tags_by_the_model_that_it_is_given(trained: dict, tmp_path: Path) -> None:
    BytesFile(filepath=str(tmp_path / "model.npz")).save(trained["dialect_model"])
    assert cleaned(tmp_path / "model.npz") == ["EGY", "MGR"]
    assert cleaned(tmp_path / "model.npz", min_score=1.0) == ["unknown", "unknown"]
    assert cleaned(None) != ["EGY", "MGR"]
    assert dialect.tag("زرنوق زرنوق بيت", tmp_path / "model.npz")[0] == "EGY"


def test_a_file_that_is_no_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "other.npz").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"dialect\.model: .*other\.npz is not a file of a dialect model"):
        cleaned(tmp_path / "other.npz")


def test_the_models_file_counts_where_one_is_named(tmp_path: Path) -> None:
    entry = OutsideFile()
    assert (entry.load(), entry.external_files(), entry.exists()) == (None, [], True)
    entry.bind(tmp_path / "absent.npz")
    assert (entry.load(), entry.exists()) == (tmp_path / "absent.npz", False)
    assert entry.external_files() == [tmp_path / "absent.npz"]

"""The nodes on small files, from raw to funnel."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from arabic_llm_pipeline.corpus import funnel as room
from arabic_llm_pipeline.corpus.records import RECORDS as TABLES
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.datasets.sources import SourceFiles
from arabic_llm_pipeline.parameters.audit import (
    AuditSettings,
    CardSettings,
    GroupsSettings,
    PiiSettings,
    ToxicitySettings,
)
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.report import PreviewSettings
from arabic_llm_pipeline.parameters.sentences import SentencesSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from arabic_llm_pipeline.pipeline_registry import makers

WORDS = ["البيت", "الكتاب", "المدينة", "الشجرة", "البحر", "الطريق", "السوق", "الجبل"]


@pytest.fixture
def raw(tmp_path) -> Path:
    """Documents, pairs and items, with dirt in each."""
    root = tmp_path / "raw"
    root.mkdir()
    prose = [{"t": f"رأيت {a} قرب {b} في الصباح {n}."} for n, (a, b) in enumerate((a, b) for a in WORDS for b in WORDS)]
    prose += [prose[0], {"t": "قصير"}, {"t": "only Latin letters here"}, {"t": 5}, {"t": None}]
    asked = [{"q": f"ما جمع كلمة {word}؟", "a": "لا أدري"} for word in WORDS]
    dump = {
        name: "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        for name, rows in {"prose": prose, "asked": asked}.items()
    }
    (root / "prose.jsonl").write_text(dump["prose"] + '\n{"t": "مقطوع', encoding="utf-8")
    (root / "asked.jsonl").write_text(dump["asked"], encoding="utf-8")
    pairs = [*(f"س {n}\tجواب {n}\tغيره\t{n % 3}" for n in range(30)), "س 0\tجواب 0\tغيره\t0", "س\tجـواب\tجواب\t0"]
    (root / "pairs.tsv").write_text("\n".join(pairs), encoding="utf-8")
    judged = [{"prompt": f"ما لون {word}؟", "completion": "أزرق", "label": n % 2} for n, word in enumerate(WORDS)]
    judged += [
        judged[0],
        {"prompt": "س", "completion": "<br>", "label": 1},
        {"prompt": "س", "completion": "ج", "label": "?"},
        {"prompt": "س", "completion": "ج"},
    ]
    (root / "judged.jsonl").write_text("\n".join(map(json.dumps, judged)), encoding="utf-8")
    items = [{"q": f"ما جمع كلمة {word}", "a": ["جمع", "الجمع هو جمع."]} for word in WORDS[:3]]
    items += [items[0], {"q": "ما هذا", "a": ["<br>"]}, {"q": "بلا جواب", "a": []}]
    (root / "items.json").write_text(json.dumps(items), encoding="utf-8")
    return root


SOURCES = {
    "prose": {"format": "jsonl", "path": "prose.jsonl", "licence": "CC0", "columns": {"text": "t"}},
    "asked": {"format": "jsonl", "path": "asked.jsonl", "licence": "CC0", "record": "instruction",
              "columns": {"instruction": "q", "output": "a"}, "split": "train"},
    "pairs": {"format": "tsv", "header": False, "path": "pairs.tsv", "licence": "CC0", "record": "pair",
              "columns": {"prompt": 0, "first": 1, "second": 2, "label": 3}, "chosen": {"0": "first", "1": "second"}},
    "judged": {"format": "jsonl", "path": "judged.jsonl", "licence": "CC0", "shape": "feedback", "split": "train"},
    "items": {"format": "json", "path": "items.json", "licence": "CC0", "record": "item",
              "columns": {"prompt": "q", "answers": "a"}, "task": "plural", "split": "test"},
}  # fmt: skip


MODELS = {
    "ingest": IngestSettings,
    "text": TextSettings,
    "filters": FilterSettings,
    "dialect": DialectSettings,
    "quality": QualitySettings,
    "pii": PiiSettings,
    "toxicity": ToxicitySettings,
    "groups": GroupsSettings,
    "audit": AuditSettings,
    "card": CardSettings,
    "duplicates": DuplicatesSettings,
    "splits": SplitsSettings,
    "sentences": SentencesSettings,
}
SHOWN = {"preview": PreviewSettings()}


def preprocess(raw: Path, work: Path, without: str = "", **engine) -> dict:
    """Every node in its order, by hand, but for one; the data sets by name."""
    settings = {name: model() for name, model in MODELS.items()}
    sources, entry = Sources.model_validate(SOURCES), SourceFiles()
    entry.bind(raw, {name: source.paths for name, source in sources.chosen().items()})
    settings |= {"sources": sources, "engine": EngineSettings(**engine)}
    settings["ingest"] = IngestSettings(max_reject_ratio=0.5)
    settings |= SHOWN | {"seed": 0}
    data = {"source_files": entry.load(), "dialect_model_file": None, "toxicity_model_file": None} | {
        f"params:{name}": value for name, value in settings.items()
    }
    for node in (node for node in makers()["preprocess"]().nodes if node.name != without):
        workspace = {name: work / name for name in node.inputs if name.endswith("_workspace")}
        for directory in workspace.values():
            directory.mkdir(parents=True)
        made = node.run({name: (data | workspace)[name] for name in node.inputs})
        data |= {name: ShardSet(value) if isinstance(value, Path) else value for name, value in made.items()}
    return data


def test_the_line(raw, tmp_path):
    data = preprocess(raw, tmp_path / "work", processes=1)
    documents = data["documents"].scan().collect()
    reasons = dict(documents["reason"].drop_nulls().value_counts().rows())
    assert reasons == {"duplicate": 1, "too_short": 1, "little_arabic": 1, "in_evaluation": 3}
    assert documents.filter(reason="in_evaluation")["source"].to_list() == ["asked"] * 3
    assert data["pairs"].rows() == 22
    items = data["items"].scan().collect()
    assert items["reason"].to_list() == [None, None, None, "duplicate", "empty"]
    assert items["answers"].to_list()[:3] == [["جمع", "الجمع هو جمع."]] * 3
    feedback = data["feedback"].scan().collect()
    assert feedback["reason"].to_list() == [None] * 8 + ["duplicate", "empty"]
    assert feedback["label"].to_list() == [False, True] * 4 + [False, True]
    assert data["ingest_rejects"].rows() == 3 + 10 + 1 + 2
    assert json.loads(json.dumps(data["funnel"])) == data["funnel"]
    kept = {table: data[table].scan().filter(pl.col("reason").is_null()).collect() for table in TABLES}
    assert {table: len(rows) for table, rows in kept.items() if table != "documents"} == {
        "pairs": 20, "items": 3, "feedback": 8,
    }  # fmt: skip
    audited = dict(data["audit_table"].group_by("records").agg(pl.col("rows").sum()).iter_rows())
    assert audited == {table: len(rows) for table, rows in kept.items() if table != "items"}
    assert json.loads(json.dumps(data["data_card_facts"])) == data["data_card_facts"]
    assert "| prose | CC0 | jsonl |" in data["data_card"]
    for by in ("dialect", "script"):
        found = data[f"{by}_table"].group_by("records", by).agg(pl.col("rows").sum())
        wanted = pl.concat(rows.select(by, records=pl.lit(table)) for table, rows in kept.items())
        wanted = wanted.group_by("records", by).agg(rows=pl.len().cast(pl.Int64))
        assert sorted(found.rows()) == sorted(wanted.select("records", by, "rows").rows())


def test_the_funnel_adds_up_on_dirty_data(raw, tmp_path):
    found = pl.DataFrame(preprocess(raw, tmp_path / "work")["funnel"], schema=room.FUNNEL)
    lines = (
        sum(len(path.read_text(encoding="utf-8").splitlines()) for path in raw.iterdir() if path.suffix != ".json") + 6
    )
    assert found.filter(step="ingest")["rows"].sum() == lines
    assert found.filter(step="ingest", outcome="rejected")["rows"].sum() == 16
    for table in TABLES:
        into = found.filter(step="ingest", records=table)["rows"].sum()
        for step in room.STEPS[1:]:
            part = found.filter(step=step, records=table)
            assert part["rows"].sum() == into
            into = part.filter(outcome="kept")["rows"].sum()
        gone = found.filter(outcome="dropped", records=table)
        assert set(gone["step"]) == {"clean", "compare"}  # each table loses rows at both steps


def test_nothing_is_lost(raw, tmp_path):
    data = preprocess(raw, tmp_path / "work", processes=1)
    for table in TABLES:
        final = data[table].scan().collect()
        assert final["id"].to_list() == data[f"ingested_{table}"].scan().collect()["id"].to_list()
        without = final.filter(pl.col("value").is_null() & pl.col("reason").is_not_null())
        assert set(without["reason"]) <= {"empty", "equal_answers"}  # all others have the value that decided
        assert final.filter(pl.col("reason").is_null())["value"].null_count() == final["reason"].null_count()


PAGE = "make_preview"  # its rows in shards of any size are compared in tests/corpus/test_preview.py


def test_the_same_bytes_in_small_shards_on_two_processes(raw, tmp_path, monkeypatch):
    from arabic_llm_pipeline.corpus import workers

    one = preprocess(raw, tmp_path / "one", PAGE, processes=1, rows_per_shard=20)
    monkeypatch.setattr(workers, "SMALL", 0)
    two = preprocess(raw, tmp_path / "two", PAGE, processes=2, rows_per_shard=20)
    for table in TABLES:
        assert [p.read_bytes() for p in one[table].paths] == [p.read_bytes() for p in two[table].paths]
    assert len(one["documents"].paths) > 3
    assert one["funnel"] == two["funnel"]
    assert one["sentences"].rows() == 0  # they are asked for
    assert one["audit_table"].equals(two["audit_table"])
    assert one["group_mentions"].equals(two["group_mentions"])
    whole = preprocess(raw, tmp_path / "whole", PAGE, processes=1)  # shards are only where rows lie
    assert one["documents"].scan().collect().equals(whole["documents"].scan().collect())


def test_making_the_pipeline_imports_nothing_heavy():
    code = (
        "import sys; from arabic_llm_pipeline.pipeline_registry import makers; makers()['preprocess'](); "
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "transformers", "numba", "pandas", "h5py"} & set(loaded)


def test_the_shipped_yaml_says_what_the_models_say(project):
    values = yaml.safe_load((project / "conf/base/parameters/preprocess.yml").read_text(encoding="utf-8"))
    models = {"engine": EngineSettings, **MODELS}
    assert values == {name: model().model_dump() for name, model in models.items()}
    sources = yaml.safe_load((project / "conf/base/parameters/sources.yml").read_text(encoding="utf-8"))
    assert len(Sources.model_validate(sources["sources"]).chosen()) >= 10

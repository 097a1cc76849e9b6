"""Inputs of a report as a run would leave them, made by hand and by a seed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.corpus import quality_table
from arabic_llm_pipeline.corpus.records import DOCUMENTS, REJECTS
from arabic_llm_pipeline.evaluation.forgetting import FORGETTING
from arabic_llm_pipeline.evaluation.results import score_table
from arabic_llm_pipeline.evaluation.seen import SEEN
from arabic_llm_pipeline.parameters.audit import AuditSettings, GroupsSettings, PiiSettings, ToxicitySettings
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import DpoSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.report import ReportSettings
from arabic_llm_pipeline.parameters.root import Parameters
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings, TokenizeSettings
from arabic_llm_pipeline.parameters.training import SftSettings
from arabic_llm_pipeline.pipelines.evaluate import wins
from arabic_llm_pipeline.pipelines.evaluate.pipeline import MEASURES
from arabic_llm_pipeline.reporting.inputs import Inputs
from tests.reporting import made_choices
from tests.reporting.made_corpus import (
    AFTER,
    BEFORE,
    audit_table,
    document,
    fertility_table,
    funnel,
    group_mentions,
    shards,
    shares_table,
    token_summary,
    verdicts,
)
from tests.reporting.made_scores import (
    BASELINES,
    CANDIDATES,
    STAGES,
    accuracy,
    answers,
    comparison,
    encoders,
    language,
    log,
    resources,
    robustness,
    scores,
    speed,
    writing,
    written,
)


def data(folder: Path) -> dict[str, Any]:
    """By the names of the catalog."""
    kept = document("1", AFTER)
    dropped = [
        document("2", "نص مكرر كتب مرتين في المدينة نفسها.", "duplicate"),
        document("3", "نص مكرر كتب مرتين في المدينة نفسها.", "duplicate", "dirty_web"),
        document("4", "قصير", "too_short"),
        document("5", "This text is English.", "little_arabic", "dirty_web"),
    ]
    rejects = [
        {
            "source": "dirty_web",
            "file": "dirty/web.jsonl.gz",
            "place": 12,
            "reason": "invalid_json",
            "excerpt": '{"text": "سطر مكسور',
        },
        {
            "source": "oasst",
            "file": "oasst/trees.jsonl.gz",
            "place": 3,
            "reason": "other_language",
            "excerpt": "Hello there",
        },
    ]
    found = {
        "funnel": funnel(),
        "dialect_table": shares_table("dialect"),
        "script_table": shares_table("script"),
        "quality_table": quality_table.TABLE.to_frame(),
        "audit_table": audit_table(),
        "group_mentions": group_mentions(),
        "verdicts": verdicts(),
        "token_summary": token_summary(),
        "fertility_table": fertility_table(),
        "baseline_scores": {name: {"accuracy": accuracy(place, 0.0), "right": []} for name, place in BASELINES.items()},
        "comparison": comparison(),
        "paired_tests": made_choices.paired_tests(),
        "forgetting": FORGETTING.to_frame(),
        "base_model": base_model(),
        "provenance": provenance(),
        "seen_items": SEEN.to_frame(),
        "ingested_documents": shards(folder / "ingested", [document("1", BEFORE)], DOCUMENTS),
        "documents": shards(folder / "documents", [kept, *dropped], DOCUMENTS),
        "encoder_scores": encoders(),
        "ingest_rejects": shards(folder / "rejects", rejects, REJECTS),
    }
    for name in CANDIDATES:
        found |= {f"{name}_scores": scores(name), f"{name}_answers": answers(name)}
        found |= {output: score_table([]) for measure in MEASURES for output in measure.node(name).outputs}
        found[f"{name}_robustness"] = robustness(name)
        found |= {f"{name}_language": language(name), f"{name}_speed": speed(name)}
        found |= {f"{name}_{kind}": getattr(made_choices, kind)(name) for kind in ("choices", "choices_answers")}
        found |= {f"{name}_writing": writing(name), f"{name}_writing_answers": written(name)}
    found |= {output: score_table([]) for node in wins.nodes(CANDIDATES) for output in node.outputs}
    for name in STAGES:
        found |= {f"{name}_log": log(name), f"{name}_resources": resources(name)}
    return found


def base_model() -> dict[str, Any]:
    return {
        "name": "embedded",
        "kind": "embedded",
        "path": "data/01_raw/models/tiny_arabic_qwen2",
        "hub": None,
        "revision": None,
        "model_type": "qwen2",
        "parameters": 6_820_096,
        "dtype": "bfloat16",
        "files": {"config.json": "ab" * 32, "model.safetensors": "cd" * 32},
    }


def provenance(experiment: str = "default") -> dict[str, Any]:
    about = {
        "fingerprint": "3f2a91c07b1d" * 5,
        "content": "0123456789ab" * 5,
        "node": "sft.train",
        "seed": 0,
        "resumed": [],
        "layer": "06_models",
    }
    return {
        "experiment": experiment,
        "artifacts": {"sft_adapter": about, "documents": about | {"layer": "03_primary", "node": "split"}},
        "origins": {
            "versions": {"python": ["3.11.9"], "polars": ["1.30.0", "2.1.0"]},
            "machine": {"machine": ["x86_64"], "processor": [""]},
        },
    }


def of_measures() -> list[str]:
    """The parameters that kinds of evaluation take."""
    inputs = dict.fromkeys(name for measure in MEASURES for name in measure.node("base").inputs)
    return ["judge", *(name.removeprefix("params:") for name in inputs if name.startswith("params:"))]


def settings(**changed: Any) -> dict[str, Any]:
    sources = {
        "bactrian": {"format": "bactrian_x", "path": "bactrian_x/ar.json.gz", "licence": "CC BY-NC 4.0"},
        "oasst": {"format": "oasst", "path": "oasst/*.gz", "licence": "Apache-2.0"},
        "dirty_web": {
            "format": "jsonl",
            "path": "dirty/web.jsonl.gz",
            "licence": "Apache-2.0",
            "columns": {"text": "text"},
        },
        "wikipedia": {"format": "mediawiki", "path": "wikipedia/*.bz2", "licence": "CC BY-SA 4.0"},
    }
    return {
        "sources": Sources.model_validate(sources),
        "text": TextSettings(),
        "filters": FilterSettings(),
        "quality": QualitySettings(),
        "pii": PiiSettings(),
        "toxicity": ToxicitySettings(),
        "groups": GroupsSettings(),
        "audit": AuditSettings(),
        "duplicates": DuplicatesSettings(),
        "splits": SplitsSettings(),
        "tokenizer": TokenizerSettings(),
        "tokenize": TokenizeSettings(),
        "model": ModelSettings(),
        "adapter": AdapterSettings(),
        "sft": SftSettings(),
        "dpo": DpoSettings(),
        "evaluate": EvaluateSettings(),
        **{name: Parameters.model_fields[name].default for name in of_measures() if name != "seed"},
        "report": ReportSettings(),
    } | changed


def inputs(folder: Path, **others: Any) -> Inputs:
    """What sections read; `others` take the place of what the catalog has under that name."""
    entries = settings() | data(folder) | {"recipes": "sft_dpo", "seed": 0} | others
    return Inputs(CANDIDATES, STAGES, entries)


def changed(made: Inputs, **entries: Any) -> Inputs:
    """The same with other entries."""
    return replace(made, entries={**made.entries, **entries})


def page(folder: Path, **changed: Any) -> str:
    """The report of these inputs."""
    from arabic_llm_pipeline.reporting.page import render

    return render(inputs(folder, **changed))

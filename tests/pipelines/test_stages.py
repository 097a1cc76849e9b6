"""Base model, stages and pretraining as Kedro runs them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.pipeline import Pipeline
from kedro.validation.type_extractor import TypeExtractor

from arabic_llm_pipeline.artifacts.digests import memory
from arabic_llm_pipeline.artifacts.outside import external_key, missing_files
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.corpus.records import DOCUMENTS
from arabic_llm_pipeline.datasets.model_directory import AdapterFiles, ModelDirectory, ModelFiles, PlannedAdapter
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import IpoSettings
from arabic_llm_pipeline.parameters.root import Parameters
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerTrainingSettings
from arabic_llm_pipeline.parameters.training import DocumentSelection, PretrainSettings, SftSettings
from arabic_llm_pipeline.pipelines.base_model.pipeline import create_pipeline as base_model
from arabic_llm_pipeline.pipelines.pretrain.pipeline import create_pipeline as pretrain
from arabic_llm_pipeline.pipelines.stages import nodes
from arabic_llm_pipeline.pipelines.stages.nodes import changed
from arabic_llm_pipeline.pipelines.stages.pipeline import METHODS
from arabic_llm_pipeline.pipelines.stages.pipeline import create_pipeline as stages
from arabic_llm_pipeline.pipelines.tokenizer.pipeline import create_pipeline as tokenizer_of_ones_own
from arabic_llm_pipeline.recipes import CHAINS, STAGES, SUPERVISED, candidates, instructed, name, prefixes, stage
from arabic_llm_pipeline.tokens.probes import check_ids
from arabic_llm_pipeline.training.base import resolve_base
from tests.training.chains import run, workspaces
from tests.training.conftest import (  # noqa: F401  fixtures
    base_directory,
    document_rows,
    document_tokens,
    dpo,
    pair_tokens,
    sft,
    tokenizer,
    write,
)


def test_a_chain_is_a_node_for_each_beginning() -> None:
    pipeline = stages(("sft", "dpo"))
    assert {node.name for node in pipeline.nodes} == {"sft.train", "sft_dpo.train"}
    assert pipeline.outputs() == {"sft_log", "sft_resources", "sft_dpo_adapter", "sft_dpo_log", "sft_dpo_resources"}
    assert pipeline.inputs() == {
        "base_model", "tokenizer", "document_tokens", "pair_tokens", "sft_workspace", "sft_dpo_workspace",
        "start_adapter", "params:model", "params:adapter", "params:sft", "params:dpo", "params:seed",
    }  # fmt: skip
    assert len((pipeline + stages(("sft",))).nodes) == 2


def test_every_chain_can_be_made() -> None:
    assert {stage(label).method for chain in CHAINS.values() for label in chain} <= set(METHODS)
    for chain in CHAINS.values():
        assert len(stages(chain).nodes) == len(chain)
        assert "params:memory" not in stages(chain).inputs()  # what is an input counts in the fingerprint
    parts = {part for chain in CHAINS.values() for part in prefixes(chain)}
    assert len({name(part) for part in parts}) == len(parts), "two beginnings of chains have one name"
    whole = sum((stages(chain) for chain in CHAINS.values()), Pipeline([]))
    assert len(whole.nodes) == len(parts)


def test_a_chain_goes_on_from_what_another_made() -> None:
    """After sft_dpo, sft_dpo_ipo trains IPO only: the nodes are the same ones."""
    short, long = ({node.name: node for node in stages(CHAINS[recipe]).nodes} for recipe in ("sft_dpo", "sft_dpo_ipo"))
    assert set(long) - set(short) == {"sft_dpo_ipo.train"}
    assert all(long[made].inputs == node.inputs and long[made].func is node.func for made, node in short.items())
    assert {"sft_dpo_adapter", "params:ipo"} <= set(long["sft_dpo_ipo.train"].inputs)


def test_a_named_stage_is_its_method_with_changes() -> None:
    settings = SftSettings(learning_rate=1e-3)
    of_stage = changed(settings, {"selection": {"dialects": ("EGY",)}, "steps": 3}, 0.5, ("najiz",))
    assert of_stage.selection == DocumentSelection(dialects=("EGY",), sources=("najiz",))
    assert (of_stage.steps, of_stage.learning_rate) == (3, 5e-4)
    assert changed(settings, {}, 1.0, None) == settings
    with pytest.raises(ValueError, match="bta"):
        changed(settings, {"bta": 1}, 1.0, None)
    for label, made in STAGES.items():
        kind = type(check_defaults(made.method))
        assert changed(kind(), made.settings, made.rate, None) != kind() or made.domain, label


def check_defaults(method: str) -> Any:
    return Parameters.model_fields[method].get_default(call_default_factory=True)


def test_kedro_finds_the_model_of_every_setting() -> None:
    for recipe, chain in CHAINS.items():
        found = TypeExtractor({"": stages(chain)}).extract_types_from_pipelines()
        for label in chain:
            assert found[stage(label).method] is type(check_defaults(stage(label).method)), recipe
        assert (found["model"], found["adapter"]) == (ModelSettings, AdapterSettings)


def test_making_the_pipelines_imports_no_torch() -> None:
    script = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from arabic_llm_pipeline.pipelines.base_model.pipeline import create_pipeline as base\n"
        "from arabic_llm_pipeline.pipelines.stages.pipeline import create_pipeline as stages\n"
        "from arabic_llm_pipeline.pipelines.pretrain.pipeline import create_pipeline as pretrain\n"
        "import arabic_llm_pipeline.datasets.model_directory\n"
        "base() + stages(('sft', 'dpo')) + pretrain()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("recipe", CHAINS)
def test_what_each_stage_is_told(
    recipe: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    document_tokens: Path,  # noqa: F811
    pair_tokens: Path,  # noqa: F811
) -> None:
    """Every recipe as Kedro runs it, but for the training itself."""
    jobs: list[tuple[str, Any]] = []

    def told(train: Any, job: Any, label: str) -> Any:
        jobs.append((label, job))
        return tmp_path / label, pl.DataFrame(), {}

    monkeypatch.setattr("arabic_llm_pipeline.training.stage.run_stage", told)
    chain, own = CHAINS[recipe], tmp_path / "own"
    names = [name(part) for part in prefixes(chain)]
    tokens = {"document_tokens": document_tokens, "pair_tokens": pair_tokens, "feedback_tokens": tmp_path}
    entries = {
        **{f"params:{method}": check_defaults(method) for method in (*METHODS, "model", "adapter")},
        **workspaces(tmp_path, *(f"{label}_adapter_workspace" for label in names)), **tokens,
        "params:domain": {"sources": ["chat", "pref"]}, "params:seed": 3, "base_model": {}, "tokenizer": tmp_path,
        "start_adapter": own, "judge_adapter": tmp_path / "judge",
    }  # fmt: skip
    entries |= {f"{label}_workspace": entries[f"{label}_adapter_workspace"] for label in names}
    pipeline = stages(chain)
    run(pipeline, {entry: value for entry, value in entries.items() if entry in pipeline.inputs()})
    assert [label for label, _ in jobs] == names
    assert [job.adapter for _, job in jobs] == [own, *(tmp_path / label for label in names[:-1])]
    for label, (_, job) in zip(chain, jobs, strict=True):
        made = stage(label)
        supervised = made.method in SUPERVISED
        about = (("chat",) if supervised else ("pref",)) if made.domain else None  # what the store has of the domain
        expected = changed(check_defaults(made.method), made.settings, made.rate, about)
        told_judge = {"judge": str(tmp_path / "judge")} if made.method == "dno" else {}
        assert job.settings == expected.model_dump(mode="json") | told_judge
        assert job.tokens == (document_tokens if supervised else pair_tokens)


def test_a_domain_without_pairs_is_told(pair_tokens: Path) -> None:  # noqa: F811
    with pytest.raises(UserError, match=r"domain\.sources=\['chat'\].*has none of them, but pref"):
        nodes._in_store(["chat"], pair_tokens)


def test_from_a_folder_to_an_aligned_adapter(
    tmp_path: Path,
    base_directory: Path,  # noqa: F811
    tokenizer: Path,  # noqa: F811
    document_tokens: Path,  # noqa: F811
    pair_tokens: Path,  # noqa: F811
) -> None:
    entries = {
        "base_files": base_directory,
        "start_adapter": None,
        "tokenizer": tokenizer,
        "document_tokens": document_tokens,
        "pair_tokens": pair_tokens,
        "params:model": ModelSettings(name=str(base_directory)),
        "params:adapter": AdapterSettings(r=4),
        "params:sft": sft(steps=3),
        "params:dpo": dpo(steps=2),
        "params:ipo": IpoSettings(steps=2, micro_batch=2),
        "params:seed": 0,
        **workspaces(tmp_path, "sft_workspace", "sft_dpo_workspace", "sft_dpo_ipo_workspace"),
    }
    made = run(base_model() + stages(CHAINS["sft_dpo_ipo"]), entries)
    assert made["sft_dpo_ipo_log"]["loss"][0] == pytest.approx((1 / (2 * 0.05)) ** 2, rel=1e-5)  # at the stage's beta
    assert made["base_model"]["kind"] == "directory"
    for chain, steps in (("sft", 3), ("sft_dpo", 2)):
        assert (made[f"{chain}_adapter"] / "adapter_model.safetensors").is_file()
        assert made[f"{chain}_adapter"].is_relative_to(entries[f"{chain}_workspace"])
        assert made[f"{chain}_log"]["step"].to_list() == list(range(1, steps + 1))
        assert made[f"{chain}_resources"]["quantization"] == "nf4"
        said = (entries[f"{chain}_workspace"] / "stage.log").read_text(encoding="utf-8")
        assert "Traceback" not in said
    assert {"rewards/margins", "logps/chosen"} <= set(made["sft_dpo_log"].columns)


@pytest.mark.parametrize(("split", "model_type"), [("qwen2", "qwen2"), ("words", "llama")])
def test_from_a_corpus_to_a_base(tmp_path: Path, split: str, model_type: str) -> None:
    """The model is of a type for which AutoTokenizer gives the ids that the tokenizer's file gives."""
    names = ("trained_tokenizer_workspace", "pretrain_tokens_workspace", "pretrained_model_workspace")
    entries = {
        "documents": write(tmp_path / "shards", DOCUMENTS, document_rows()),
        "params:tokenizer_training": TokenizerTrainingSettings(split=split, vocabulary=360),
        "params:pretrain": PretrainSettings(width=32, layers=1, heads=2, intermediate=64, steps=2, micro_batch=2),
        "params:tokenize": TokenizeSettings(window=16, max_prompt=8),
        "params:model": ModelSettings(),
        "params:seed": 0,
        **workspaces(tmp_path, *names),
    }
    made = run(tokenizer_of_ones_own() + pretrain(), entries)
    model = made["pretrained_model"]
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= {
        path.name for path in model.iterdir()
    }
    again = {**entries, "base_files": model, "params:model": ModelSettings(name=str(model))}
    assert run(base_model(), again)["base_model"]["model_type"] == model_type
    check_ids(model, model_type, made["trained_tokenizer"] / "tokenizer.json")
    assert isinstance(made["pretrain_log"], pl.DataFrame)
    assert made["pretrain_resources"]["quantization"] == "none"
    further = {
        **again,
        "params:pretrain": PretrainSettings(added_layers=1, steps=2, micro_batch=2),
        "tokenizer": made["trained_tokenizer"],
        "document_tokens": made["pretrain_tokens"],
        **workspaces(tmp_path, "continued_model_workspace"),
    }
    grown = run(base_model() + pretrain(True), further)
    assert grown["continued_resources"]["parameters"] > made["pretrain_resources"]["parameters"]
    assert read_json(grown["continued_model"] / "config.json")["num_hidden_layers"] == 2
    assert (grown["continued_model"] / "chat_template.jinja").is_file()


def test_what_only_read_more_prose_is_asked_as_the_base_is() -> None:
    asked = {candidate: instructed(candidate) for candidate in candidates("cpt_sft_dpo+dpo")}
    assert asked == {"base": False, "cpt": False, "cpt_sft": True, "cpt_sft_dpo": True, "dpo": True}


def test_the_files_of_the_base_count(base_directory: Path, tmp_path: Path) -> None:  # noqa: F811
    files = ModelFiles()
    with pytest.raises(Exception, match="hooks say which base model"):
        files.load()
    files.bind(base_directory)
    assert files.load() == base_directory
    named = {path.name for path in files.external_files()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= named
    assert files.exists()
    files.bind(tmp_path / "nowhere")
    assert files.external_files() == [tmp_path / "nowhere" / "config.json"]
    assert not files.exists()
    files.bind(None)
    assert (files.load(), files.external_files()) == (None, [])


def test_how_a_model_was_made_does_not_count(base_directory: Path, tmp_path: Path) -> None:  # noqa: F811
    """The note of an artifact lies beside the files of a model, or of a judge, that a run before made."""
    model, adapter = tmp_path / "model", tmp_path / "adapter"
    shutil.copytree(base_directory, model)
    adapter.mkdir()
    for file in ("adapter_config.json", "adapter_model.safetensors", "training.json"):
        (adapter / file).write_text("{}", encoding="utf-8")
    for files, directory in ((ModelFiles(), model), (AdapterFiles(), adapter)):
        files.bind(directory)
        before = files.external_files()
        (directory / "artifact.json").write_text("{}", encoding="utf-8")
        assert files.external_files() == before
    assert "artifact.json" not in resolve_base(ModelSettings(name=str(model)), model)["files"]


def test_what_is_planned_with_may_come_later(tmp_path: Path) -> None:
    """It is never missing; when it comes, and whenever it says something else of itself, a plan is made again."""
    judge, files, keys = tmp_path / "judge", PlannedAdapter(), []

    def keep() -> None:
        keys.append(external_key(files, memory()))

    keep()  # none: a rule
    for called in ("one", "two", "judge"):
        files.bind(tmp_path / called, called)
        keep()
    assert (files.load(), files.exists(), missing_files(files)) == (judge, False, [])
    judge.mkdir()
    (judge / "adapter_config.json").write_text("{}", encoding="utf-8")
    keep()
    (judge / "adapter_config.json").write_text('{"task_type": "SEQ_CLS"}', encoding="utf-8")
    keep()
    (judge / "adapter_model.safetensors").write_bytes(b"weights")
    keep()
    assert len(set(keys)) == len(keys)
    (judge / "adapter_model.safetensors").write_bytes(b"WEIGHTS")
    (judge / "artifact.json").write_text("{}", encoding="utf-8")
    keep()
    assert keys[-1] == keys[-2]
    assert files.exists()


def test_a_model_can_be_looked_at(base_directory: Path, tmp_path: Path) -> None:  # noqa: F811
    import json

    entry = ModelDirectory(path=str(tmp_path / "data/06_models/x/default"))
    entry.save(base_directory)
    shown = json.loads(entry.preview())
    assert shown["about"]["model_type"] == "qwen2"
    assert shown["bytes"]["model.safetensors"] > 100_000
    assert entry.load().name != "default"

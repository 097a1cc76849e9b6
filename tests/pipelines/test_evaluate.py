"""The pipeline `evaluate`: its graph, and a run of it with real model files."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.pipeline import Pipeline
from kedro.validation.type_extractor import TypeExtractor

from arabic_llm_pipeline.artifacts.order import in_order
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.corpus.records import FEEDBACK
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.parameters.judge import JudgeSettings
from arabic_llm_pipeline.parameters.language import LanguageSettings, WordSettings
from arabic_llm_pipeline.parameters.lm_eval import LmEvalSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings
from arabic_llm_pipeline.parameters.root import Parameters
from arabic_llm_pipeline.parameters.speed import SpeedSettings
from arabic_llm_pipeline.parameters.writing import SpellingSettings, WritingSettings
from arabic_llm_pipeline.pipeline_registry import DEFAULT, Asked, makers
from arabic_llm_pipeline.pipelines.evaluate.pipeline import MEASURES, create_pipeline
from arabic_llm_pipeline.recipes import candidates
from arabic_llm_pipeline.recipes import trained as trained_by
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from tests.evaluation.conftest import CORPUS, TEXTS, shards
from tests.tokenizers import train_bpe

GIVEN = ("base_model", "tokenizer", "documents", "pairs", "feedback", "items")
CANDIDATES = ["base", "sft", "sft_dpo"]
KINDS = (
    "evaluate",
    *(f"measure_{kind}" for kind in ("language", "choices", "writing", "lm_eval", "robustness", "speed")),
)
WRITING = WritingSettings(
    answer_tokens=4, translation_tokens=4, text_tokens=4, instructions=2, dialect_texts=1, resamples=100
)
LANGUAGE = LanguageSettings(
    window=32, stride=16, stride_parts=(1,), words=WordSettings(documents=1, beams=5, tokens=4), resamples=100
)
SPEED = SpeedSettings(batch_sizes=(1, 2), prompt_tokens=8, new_tokens=3, repeats=2, resamples=100)
SETTINGS = EvaluateSettings(window=64, max_new_tokens=4, resamples=100, dev_items=2)


def test_a_node_for_each_candidate_once() -> None:
    made = create_pipeline(CANDIDATES)
    assert {node.name for node in made.nodes} == {
        "compare", "compare_by_kind", "find_seen_items", "find_seen_lm_eval_items", "make_spelling_list",
        "measure_encoders", "measure_forgetting", "score_baselines",
        "sft.judge_answers", "sft_dpo.judge_answers",
        *(f"{name}.{kind}" for name in CANDIDATES for kind in KINDS),
    }  # fmt: skip
    assert {name for name in made.inputs() if not name.startswith("params:")} == {
        *GIVEN, "encoder_files", "lm_eval_files", *(f"{name}_lm_eval_workspace" for name in CANDIDATES),
        "start_adapter", "sft_adapter", "sft_dpo_adapter",
    }  # fmt: skip
    tables = {table for name in CANDIDATES for measure in MEASURES for table in measure.node(name).outputs}
    tested = ("language", "choices", "writing", "lm_eval", "robustness")
    compared = {f"{name}_{kind}_values" for name in CANDIDATES for kind in tested}
    compared |= {f"{name}_{kind}_answers" for name in CANDIDATES for kind in ("writing", "choices")}
    judged = {f"{name}_{of}" for name in CANDIDATES[1:] for of in ("wins", "verdicts")}
    scores = {f"{name}_scores" for name in CANDIDATES}
    ends = {*tables, *judged, *scores, "comparison", "encoder_scores", "paired_tests", "forgetting"}
    assert made.outputs() == ends - compared


def test_a_preference_stage_is_measured_against_what_it_started_from() -> None:
    inputs = {node.name: set(node.inputs) for node in create_pipeline(CANDIDATES).nodes}
    assert "sft_details" in inputs["sft_dpo.evaluate"]
    assert not {"base_details", "sft_details"} & (inputs["sft.evaluate"] | inputs["base.evaluate"])
    assert "base_adapter" not in inputs["base.evaluate"]
    others = create_pipeline(candidates("sft_dpo_ipo+kto+dialects")).nodes
    inputs = {node.name: {name for name in node.inputs if name.endswith("_details")} for node in others}
    assert inputs["sft_dpo_ipo.evaluate"] == {"sft_dpo_details"}
    assert inputs["kto.evaluate"] == {"base_details"}
    assert inputs["dialects.evaluate"] == set()


@pytest.mark.parametrize("recipes", ["sft_dpo", "sft_dno+sft_reward+cpt_sft_dpo"])
def test_all_training_comes_before_a_candidate_is_loaded(recipes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the default run, which is whole and has each node after those it needs."""
    monkeypatch.setattr(Asked, "recipes", recipes)
    pipeline = sum((makers()[label]() for label in DEFAULT), Pipeline([]))
    order = in_order(pipeline)
    assert len(order) == len(pipeline.nodes)
    for place, node in enumerate(order):
        assert pipeline.node_dependencies[node] <= set(order[:place]), node.name
    trained = [place for place, node in enumerate(order) if "train" in node.tags]
    loaded = [place for place, node in enumerate(order) if node.namespace and "train" not in node.tags]
    assert len(trained) == len(set(trained_by(recipes)))
    assert max(trained) < min(loaded)
    early = {node.name for node in order[: max(trained)]}
    assert {"make_card", "make_preview", "make_funnel"} <= early  # of the corpus one reads while a model trains


def test_kedro_finds_the_model_of_every_parameter() -> None:
    """It counts the inputs of a node, and matches them with arguments by number."""
    for node in create_pipeline(CANDIDATES).nodes:
        found = TypeExtractor({"evaluate": Pipeline([node])}).extract_types_from_pipelines()
        asked = [name.removeprefix("params:") for name in node.inputs if name.startswith("params:")]
        models = {name: Parameters.model_fields[name].annotation for name in asked}
        assert found == {name: of for name, of in models.items() if issubclass(of, Settings)}, node.name


def test_importing_the_pipeline_is_light(project: Path) -> None:
    code = (
        "import sys; import arabic_llm_pipeline.pipelines.evaluate.pipeline as p; p.create_pipeline(['base', 'sft']); "
        "print([name for name in ('torch', 'transformers', 'peft') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A random base, two adapters on it, a tokenizer, a corpus."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from arabic_llm_pipeline.training.models import resolve_base

    folder = tmp_path_factory.mktemp("evaluate")
    tokenizer = train_bpe(TEXTS, 400, folder / "tokenizer")
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(load_tokenizer(tokenizer)), hidden_size=64, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=True,
        initializer_range=0.2,
    )  # fmt: skip
    base = folder / "base"
    Qwen2ForCausalLM(config).save_pretrained(base)
    model = ModelSettings(name=str(base))
    pointer = resolve_base(model, base)
    adapters = {name: _adapter(folder / name, base, pointer, model, seed) for seed, name in enumerate(CANDIDATES[1:])}
    given = CORPUS | {"feedback": (FEEDBACK, [])}
    corpus = {name: shards(folder / name, *of) for name, of in given.items()}
    return {"base_model": pointer, "tokenizer": tokenizer, "model": model, "adapters": adapters, **corpus}


def _adapter(folder: Path, base: Path, pointer: dict[str, Any], model: ModelSettings, seed: int) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from arabic_llm_pipeline.training.models import about_base

    torch.manual_seed(seed + 1)
    peft = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base),
        LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False),
    )
    peft.save_pretrained(folder)
    write_json(folder / "training.json", about_base(pointer, model))
    return folder


def run(made: dict[str, Any], pipeline: Pipeline) -> dict[str, Any]:
    given = {name: made[name] for name in GIVEN}
    given |= {"start_adapter": None} | {f"{name}_adapter": path for name, path in made["adapters"].items()}
    given |= {"params:lm_eval": LmEvalSettings(), "encoder_files": {}, "lm_eval_files": FoundFiles(Path(), {})}
    given |= {f"{name}_lm_eval_workspace": Path() for name in CANDIDATES}
    given |= {"params:choices": ChoicesSettings(shots=(0,), resamples=100), "params:duplicates": DuplicatesSettings()}
    given |= {"params:engine": EngineSettings(processes=1)}
    given |= {"params:language": LANGUAGE, "params:speed": SPEED}
    given |= {"params:writing": WRITING, "params:spelling": SpellingSettings(), "params:judge": JudgeSettings()}
    given |= {"params:evaluate": SETTINGS, "params:model": made["model"], "params:seed": 0}
    given |= {"params:robustness": RobustnessSettings(levels=(0.5,), kinds=(), worst_of=1, max_new_tokens=2)}
    for node in pipeline.nodes:
        given |= node.run({name: given[name] for name in node.inputs})
    return given


def test_a_run(made: dict[str, Any]) -> None:
    found = run(made, create_pipeline(CANDIDATES))
    scores = {name: found[f"{name}_scores"] for name in CANDIDATES}
    assert [scores[name]["candidate"] for name in CANDIDATES] == CANDIDATES
    assert {scores[name]["quantization"] for name in CANDIDATES} == {"nf4"}
    assert set(scores["base"]["formats_dev"]) == set(SETTINGS.formats)
    assert set(scores["sft"]["formats_dev"]) == {"chat"}
    bits = {found[f"{name}_language"].filter(metric="bits_per_byte")["value"][0] for name in CANDIDATES}
    assert len(bits) == 3, "each candidate is another model"
    assert [scores[name]["preference"]["implicit_accuracy"] is None for name in CANDIDATES] == [True, True, False]
    assert {(row["a"], row["b"]) for row in found["comparison"] if row["measure"] == "bits_per_byte_text"} == {
        ("base", "sft"), ("sft", "sft_dpo"), ("base", "sft_dpo"),
    }  # fmt: skip
    tested = found["paired_tests"]
    assert {"perplexity", "next_word", "robustness", "translation", "free_answers"} <= set(tested["measure"])
    assert {"chrf++", "bleu_13a", "bits_per_byte", "top_1"} <= set(tested["metric"])
    assert tested.filter(measure="robustness")["metric"].str.contains(", noise ").all()
    assert tested["p"].is_not_nan().all()
    assert found["forgetting"].is_empty(), "no chain of dialects"
    noise = pl.col("value").is_not_null() & (pl.col("by") == "noise")
    assert {len(found[f"{name}_robustness"].filter(noise)) for name in CANDIDATES} == {12}
    assert set(found["baseline_scores"]) == {"most_frequent_answer", "nearest_training_prompt"}
    assert {found[f"{name}_choices"]["why"].to_list()[0] for name in CANDIDATES} == {"no held-out item with choices"}
    kinds = {row["measure"] for row in found["base_writing"].iter_rows(named=True) if row["value"] is not None}
    assert kinds == {"free_answers", "instruction_following", "question_answering", "translation"}
    assert set(found["base_writing_answers"]["id"]) >= {"t/4", "rule-00", "rule-01"}
    forms = {name: set(found[f"{name}_speed"]["set"]) for name in CANDIDATES}
    assert forms == {"base": {"base"}, "sft": {"adapter", "merged"}, "sft_dpo": {"adapter", "merged"}}
    assert all(found[f"{name}_speed"]["value"].is_not_null().all() for name in CANDIDATES)
    assert found["sft_wins"]["why"].to_list() == [
        "no judge is declared: set judge.directory, or judge.address and judge.name"
    ]
    again = run(made, create_pipeline(["base"]))
    assert again["base_scores"] == scores["base"]
    assert again["base_answers"].equals(found["base_answers"])


def test_implicit_rewards_are_those_of_both_models_loaded(made: dict[str, Any]) -> None:
    """By plain transformers and PEFT, without batches: log-ratios of the candidate to the stage before."""
    import torch

    from arabic_llm_pipeline.training.models import load_candidate

    found = run(made, create_pipeline(CANDIDATES))["sft_dpo_scores"]["preference"]
    tokenizer = load_tokenizer(made["tokenizer"])
    models = [load_candidate(made["base_model"], made["adapters"][name], made["model"]) for name in ("sft_dpo", "sft")]
    pairs: ShardSet = made["pairs"]
    margins = []
    for row in pairs.scan().collect().iter_rows(named=True):
        if row["split"] == "test" and row["reason"] is None:
            ratios = []
            for name in ("chosen", "rejected"):
                begun = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
                ids = torch.tensor([begun + tokenizer(row[name] + "<|im_end|>", add_special_tokens=False)["input_ids"]])
                with torch.no_grad():
                    logs = [
                        torch.log_softmax(model(ids).logits[0, :-1], -1).gather(1, ids[0, 1:, None]) for model in models
                    ]
                ratios.append(float((logs[0] - logs[1])[len(begun) - 1 :].sum()))
            margins.append(ratios[0] - ratios[1])
    assert len(margins) == found["pairs"] == 3
    assert min(map(abs, margins)) > 1e-3
    assert found["implicit_accuracy"] == pytest.approx(sum(margin > 0 for margin in margins) / 3)

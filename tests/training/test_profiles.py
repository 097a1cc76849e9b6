"""The profiles of cards: each is planned with its base's real shape, and trains a tiny model of its architecture."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline.parameters.root import Parameters, check
from arabic_llm_pipeline.pipelines.stages.pipeline import METHODS
from arabic_llm_pipeline.recipes import CHAINS, PREFERENCE, SCORING, SUPERVISED, chosen
from arabic_llm_pipeline.training.base import resolve_base
from arabic_llm_pipeline.training.memory import architecture
from arabic_llm_pipeline.training.memory.methods import METHODS as METHODS_IN_MEMORY
from arabic_llm_pipeline.training.memory.table import stage_table
from tests.test_configuration import shipped
from tests.training.chains import run_chains

SETS = {
    "gtx1650_4gb": {"bactrian_x", "oasst1", "wikipedia_ar"},
    "gtx1650_4gb_as_run": {"bactrian_x", "oasst1", "wikipedia_ar"},
    "rtx3060_12gb_qwen2_5_3b": {"instar_500k", "preference_rlhf_ar"},
    "rtx3060_12gb_qwen3_1_7b": {"cidar", "dpo_mix_ar"},
    "rtx3060_12gb_qwen2_5_7b": {"arabicqa", "arabicmmlu"},
    "rtx3060_12gb_qwen3_0_6b": {"cidar", "dpo_mix_ar"},
    "rtx4090_24gb": {"cidar", "instar_500k", "preference_rlhf_ar"},
    "a100_80gb": {"cidar", "instar_500k", "preference_rlhf_ar"},
}
TINY = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
    "intermediate_size": 64, "vocab_size": 400, "max_position_embeddings": 128,
}  # fmt: skip


def profile(project: Path, name: str) -> Parameters:
    return check(shipped(project, name))


@pytest.mark.parametrize("name", SETS)
def test_a_profile_brings_its_data_and_its_first_stage_fits(project: Path, name: str) -> None:
    found = profile(project, name)
    assert SETS[name] <= set(found.sources.chosen())
    assert not {"bactrian", "wikipedia", "pairs"} & set(found.sources.chosen())
    assert chosen(found.recipes)
    assert planned(found, ["sft"])["fits"].all()


def planned(found: Parameters, methods: Iterable[str]) -> pl.DataFrame:
    """On a card of the profile's limit, by the base's own shape, as the settings are written."""
    stages = [(name, name, name not in SUPERVISED, getattr(found, name).model_dump()) for name in methods]
    as_written = found.memory.model_copy(update={"fit": False})
    plan = stage_table(stages, None, found.model, found.adapter, as_written, found.devices, found.tokenize.window)
    assert set(plan["device"]) == {"card"}
    return plan


@pytest.mark.parametrize("name", SETS)
def test_no_method_of_a_profile_is_left_as_for_the_embedded_base(project: Path, name: str) -> None:
    """Whose 40 steps at 1e-4 with 16 pairs at once are for some millions of parameters."""
    found, highest = profile(project, name), {"sft": 2e-4, "cpt": 1e-4, "reward": 1e-4}
    for method in METHODS:
        own = getattr(found, method)
        assert own.learning_rate <= highest.get(method, 1e-5), method
        assert own.micro_batch <= 2, method
        assert own.batch in {8, 16}, method
        assert own.activation_checkpointing == found.sft.activation_checkpointing, method
        assert own.steps == 0 or method == "sft", method  # the paper's are in steps


@pytest.mark.parametrize("name", SETS)
def test_every_recipe_of_a_profile_fits_its_card(project: Path, name: str) -> None:
    """Of the methods that train on pairs or judged answers DPO takes most: two rows, a reference and the output layer.

    Only DNO takes more while it draws answers. Continued pretraining is SFT on no more rows.
    """
    found = profile(project, name)
    most = METHODS_IN_MEMORY["dpo"].sequences * found.dpo.micro_batch
    for method in (*PREFERENCE, *SCORING):
        assert METHODS_IN_MEMORY[method].sequences * getattr(found, method).micro_batch <= most, method
        assert getattr(found, method).optimizer in {found.dpo.optimizer, "adamw_torch"}, method
    assert found.cpt.micro_batch <= found.sft.micro_batch
    plan = planned(found, ["dpo", "kto", "dno"])
    assert plan["fits"].all(), plan.select("stage", "device_mib", "device_limit_mib")


def test_no_method_takes_more_than_the_ones_that_are_planned_for_every_profile(project: Path) -> None:
    plan = planned(profile(project, "rtx3060_12gb_qwen3_0_6b"), METHODS)
    took = dict(plan.select("stage", "device_mib").rows())
    assert plan["fits"].all()
    assert took["cpt"] <= took["sft"]
    assert max(took[method] for method in (*PREFERENCE, *SCORING) if method != "dno") <= took["dpo"]


@pytest.mark.parametrize("name", SETS)
def test_a_profile_trains_a_tiny_model_of_its_architecture(
    project: Path, name: str, document_tokens: Path, pair_tokens: Path, tokenizer: Path, tmp_path: Path
) -> None:
    """Its recipes, and DPO after SFT in any case, with its settings but for the number of rows and steps."""
    from transformers import AutoModelForCausalLM

    found = profile(project, name)
    shape = architecture.known()[found.model.name] | TINY
    if "head_dim" in shape:
        shape["head_dim"] = 16
    directory = tmp_path / "tiny"
    AutoModelForCausalLM.from_config(architecture.make_config(shape)).save_pretrained(directory)
    for path in tokenizer.iterdir():
        (directory / path.name).write_bytes(path.read_bytes())
    model = found.model.model_copy(update={"name": str(directory), "compute_dtype": "auto"})
    few = {"steps": 2, "micro_batch": 2, "accumulation": 2}
    entries = {
        **{f"params:{method}": getattr(found, method).model_copy(update=few) for method in METHODS},
        "params:model": model, "params:adapter": found.adapter, "params:seed": found.seed,
        "base_model": resolve_base(model, directory), "tokenizer": tokenizer, "start_adapter": None,
        "document_tokens": document_tokens, "pair_tokens": pair_tokens, "feedback_tokens": tmp_path,
    }  # fmt: skip
    made = run_chains({*chosen(found.recipes), CHAINS["sft_dpo"]}, entries, tmp_path / "stages")
    logs = {entry: frame for entry, frame in made.items() if entry.endswith("_log")}
    assert {"sft_log", "sft_dpo_log"} <= set(logs)
    assert all(len(frame) == 2 and frame["loss"].is_finite().all() for frame in logs.values())

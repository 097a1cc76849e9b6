"""The profiles of cards: each is planned with its base's real shape, and trains a tiny model of its architecture."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline.parameters.root import Parameters, check
from arabic_llm_pipeline.recipes import chosen
from arabic_llm_pipeline.training.base import resolve_base
from arabic_llm_pipeline.training.job import LOG, Job
from arabic_llm_pipeline.training.memory import architecture
from arabic_llm_pipeline.training.memory.table import stage_table
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.test_configuration import shipped
from tests.training.conftest import Answers

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
    stages = [("sft", "sft", False, found.sft.model_dump())]
    as_written = found.memory.model_copy(update={"fit": False})
    plan = stage_table(stages, None, found.model, found.adapter, as_written, found.devices, found.tokenize.window)
    assert plan["fits"].all()
    assert plan["device"][0] == "card"


@pytest.mark.parametrize("name", [name for name in SETS if name != "a100_80gb"])  # which is the 24 GB one's, in 16 bits
def test_a_profile_trains_a_tiny_model_of_its_architecture(
    project: Path, name: str, job: Callable[..., Job], tokenizer: Path, tmp_path: Path
) -> None:
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
    settings = found.sft.model_copy(update={"steps": 2, "micro_batch": 2, "accumulation": 2})
    made = job(settings, model=model, base=resolve_base(model, directory), lora=found.adapter)
    sft_method.train(made, Answers())
    assert pl.read_parquet(made.finished / LOG)["loss"].is_finite().all()

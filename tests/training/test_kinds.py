"""DoRA, rsLoRA, AdaLoRA, all weights, frozen layers: what they train, stopped and gone on, and what they leave."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings, conflict
from arabic_llm_pipeline.parameters.root import check
from arabic_llm_pipeline.training import adalora, adapters, families, models
from arabic_llm_pipeline.training.methods import preference
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import FULL, NF4, Answers, dpo, sft
from tests.training.test_methods import adapter_of, interrupts, log, result, trained, untimed  # noqa: F401  a fixture

IDS = torch.tensor([[5, 90, 17, 33, 250, 8]])
KINDS: dict[str, dict[str, Any]] = {
    "dora": {"kind": "dora", "r": 4, "alpha": 8, "dropout": 0.1},
    "adalora": {"kind": "adalora", "r": 2, "alpha": 8, "dropout": 0.1, "adalora": {"interval": 1, "warmup": 0.1}},
    "full": {"kind": "full", "freeze_bottom": 1},
}


class StoppedError(Exception):
    """As a kill between two steps: nothing is written after it."""


class Stopper(Answers):
    def send(self, kind: str, value: Any) -> None:
        super().send(kind, value)
        if kind == "row" and value["step"] == 5:
            raise StoppedError


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(IDS).logits


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_and_run_again_it_ends_alike(job: Callable, kind: str) -> None:
    """In step 5 a rank has been taken from AdaLoRA, and more are after it."""
    model = FULL if kind == "full" else NF4
    settings = sft(steps=9, learning_rate=0.01)
    whole, again = (job(settings, name, model, lora=KINDS[kind]) for name in ("whole", "again"))
    sft_method.train(whole, Answers())
    with pytest.raises(StoppedError):
        sft_method.train(again, Stopper())
    assert {path.name for path in again.checkpoints.iterdir()} == {"checkpoint-2", "checkpoint-4"}
    answers = Answers()
    sft_method.train(again, answers)
    assert answers.sent[0] == ("plan", [4, 9])
    assert result(again) == result(whole)
    assert untimed(log(again)).equals(untimed(log(whole)))


@pytest.fixture(params=["dora", "rslora", "adalora", "full"])
def stages(request: pytest.FixtureRequest, job: Callable) -> tuple[Any, Any]:
    """SFT of some kind, and DPO after it."""
    lora = KINDS.get(request.param, {"kind": request.param, "r": 4})
    before = trained(job, sft(steps=6), "before", lora=lora)
    after = job(dpo(steps=2, warmup=0.0), "after", lora=lora, adapter=before.finished / "result")
    preference.train_dpo(after, Answers())
    return before, after


def test_every_kind_is_loaded_by_plain_libraries_and_is_the_reference_of_the_next(
    stages: tuple[Any, Any], base: dict, base_directory: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    before, after = stages
    for stage in stages:
        directory = stage.finished / "result"
        if (directory / "adapter_config.json").is_file():
            plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base_directory), directory)
            assert json.loads((directory / "adapter_config.json").read_text())["peft_type"] == "LORA"
        else:
            plain = AutoModelForCausalLM.from_pretrained(directory)
        ours = models.load_candidate(base, directory, FULL)
        assert torch.equal(logits(plain), logits(ours))
        made = [one.generate(IDS, max_new_tokens=6, do_sample=False, pad_token_id=0) for one in (plain, ours)]
        assert torch.equal(*made)
    rows = log(after)
    assert rows["loss"][0] == pytest.approx(math.log(2), abs=1e-6)
    assert rows["rewards/margins"][0] == pytest.approx(0, abs=1e-5)
    tuned, final = (logits(models.load_candidate(base, one.finished / "result", FULL)) for one in stages)
    assert not torch.equal(tuned, final)
    assert not torch.equal(tuned, logits(models.load_candidate(base, None, FULL)))
    assert not list((before.finished / "result").glob("*.bin"))


def test_ranks_are_taken_down_to_the_budget(job: Callable, base: dict) -> None:
    """14 matrices of rank 3 at first, 2 in the end; the loss that is logged is the task's alone."""
    made = trained(job, sft(steps=8), "ada", lora={**KINDS["adalora"], "dropout": 0.0})
    frame = log(made)
    assert frame["mean_rank"][0] == 3
    assert frame["mean_rank"][-1] == pytest.approx(2, abs=0.01)
    assert frame["mean_rank"].is_sorted(descending=True)
    config = json.loads((made.finished / "result" / "adapter_config.json").read_text())
    kept = [len(part) for name, part in adapter_of(made).items() if "lora_A" in name]
    assert max(kept) == config["r"] == config["lora_alpha"]
    assert sum(rank for rank in kept if rank > 1) <= 2 * 14 <= sum(kept)  # one that lost all keeps a column of zeros
    assert config["alpha_pattern"] == config["rank_pattern"]
    plain = trained(job, sft(steps=1), "plain", lora={"r": 4})
    assert frame["loss"][0] == pytest.approx(log(plain)["loss"][0], rel=1e-6)
    # every vector is drawn with a deviation of 0.02: ||PP' - I|| of k rows is a little under the root of k
    assert 1.5 < frame["orthogonality"][0] < math.sqrt(3)
    assert frame["orthogonality"][-1] < frame["orthogonality"][0]


def test_what_is_left_of_adalora_is_what_it_computed(base: dict) -> None:
    from peft import PeftModel, set_peft_model_state_dict

    settings = AdapterSettings(kind="adalora", r=2, alpha=8)
    model = adapters.new_adapter(models.load_base(base, FULL), settings, 0)
    torch.manual_seed(1)
    for name, part in model.named_parameters():
        if "lora_" in name:
            part.data = torch.randn_like(part) * (torch.rand_like(part) > 0.5 if "lora_E" in name else 1)
    weights, config = adalora.as_lora(model)
    plain = PeftModel(models.load_base(base, FULL), config)
    set_peft_model_state_dict(plain, weights)
    torch.testing.assert_close(logits(plain), logits(model), rtol=1e-4, atol=1e-4)
    assert (logits(plain) - logits(models.load_base(base, FULL))).abs().max() > 1


def test_orthogonality_by_hand(base: dict) -> None:
    model = adapters.new_adapter(models.load_base(base, FULL), AdapterSettings(kind="adalora", r=2), 0)
    parts = [part for name, part in model.named_parameters() if "lora_A" in name or "lora_B" in name]
    for part in parts:
        part.data = torch.eye(*part.shape)
    assert adalora.orthogonality(model) == 0
    parts[0].data *= 2  # 3 rows: PP' - I is 3 I, of norm 3 x sqrt 3
    assert float(adalora.orthogonality(model).detach()) == pytest.approx(3 * math.sqrt(3) / len(parts))


def test_frozen_layers_stay(job: Callable, base: dict) -> None:
    one = trained(job, sft(steps=2), "one", lora={"r": 4, "freeze_top": 1})
    config = json.loads((one.finished / "result" / "adapter_config.json").read_text())
    assert config["layers_to_transform"] == [0]
    two = trained(job, sft(steps=2), "two", lora={"kind": "full", "freeze_bottom": 1})
    old = dict(models.load_base(base, FULL).named_parameters())
    new = dict(models.load_whole(two.finished / "result", FULL).named_parameters())
    moved = {name for name in old if not torch.equal(old[name], new[name])}
    assert moved == {name for name in old if ".layers.1." in name} | {"model.norm.weight"}
    with pytest.raises(UserError, match="leave none of the model's 2 layers"):
        adapters.new_adapter(models.load_base(base, FULL), AdapterSettings(freeze_top=1, freeze_bottom=1), 0)


def test_what_does_not_combine_is_refused(job: Callable, base: dict, project: Path) -> None:
    full, dora = AdapterSettings(kind="full"), AdapterSettings(kind="dora")
    assert "rounds every step away" in (conflict(NF4, full) or "")
    assert "norms of the weights" in (conflict(ModelSettings(quantization="int8"), dora) or "")
    assert conflict(NF4, dora) is None
    with pytest.raises(UserError, match=r"model\.quantization=none, or another adapter\.kind"):
        sft_method.train(job(sft(), "full", NF4, lora=full), Answers())
    with pytest.raises(UserError, match="cannot begin with a preference stage"):
        adapters.check_reference(
            adapters.new_adapter(models.load_base(base, FULL), AdapterSettings(kind="adalora", r=2), 0)
        )
    with pytest.raises(UserError, match="must be more than r 4"):
        check({"sources": {}, "adapter": {"kind": "adalora", "r": 4, "adalora": {"initial_rank": 4}}})
    with pytest.raises(UserError, match="rounds every step away"):
        check({"sources": {}, "adapter": {"kind": "full"}})
    with pytest.raises(UserError, match="no step left in which ranks are taken"):
        sft_method.train(job(sft(steps=2), "short", lora={**KINDS["adalora"], "adalora": {"warmup": 0.6}}), Answers())


def test_a_chain_has_one_kind(job: Callable) -> None:
    whole = trained(job, sft(steps=1), "whole", lora={"kind": "full"})
    with pytest.raises(UserError, match=r"left a whole model, and adapter\.kind is lora"):
        preference.train_dpo(job(dpo(), "dpo", adapter=whole.finished / "result"), Answers())


def test_a_checkpoint_of_other_settings_is_refused(job: Callable, tmp_path: Path) -> None:
    made = job(sft(steps=9, save_steps=2), "one")
    with pytest.raises(StoppedError):
        sft_method.train(made, Stopper())
    other = job(sft(steps=9, save_steps=3, learning_rate=0.02), "two", workspace=made.workspace)
    with pytest.raises(UserError, match=r"a training with settings/learning_rate=0\.01, now it is 0\.02"):
        sft_method.train(other, Answers())
    with pytest.raises(UserError, match="adapter/r=4, now it is 8"):
        sft_method.train(job(sft(steps=9), "three", workspace=made.workspace, lora={"r": 8, "alpha": 8}), Answers())
    answers = Answers()
    sft_method.train(job(sft(steps=9, save_steps=3), "four", workspace=made.workspace), answers)
    assert answers.sent[0] == ("plan", [4, 9])


def test_misspelt_layers_are_told(base: dict) -> None:
    model = models.load_base(base, FULL)
    with pytest.raises(UserError, match=r"'q_porj'; did you mean q_proj\?"):
        families.target_modules(model, AdapterSettings(target_modules=("v_proj", "q_porj")))
    assert families.target_modules(model, AdapterSettings()) == families.target_modules(
        model, AdapterSettings(target_modules="all-linear")
    )

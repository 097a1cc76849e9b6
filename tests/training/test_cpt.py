"""Continued pretraining: what is learned, what is replayed beside it, and that a killed one ends alike."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.training import CptSettings, DocumentSelection, PretrainSettings
from arabic_llm_pipeline.training import models
from arabic_llm_pipeline.training.base import resolve_base
from arabic_llm_pipeline.training.growth import added_blocks, block_of
from arabic_llm_pipeline.training.methods import cpt, pretrain
from arabic_llm_pipeline.training.replayed_rows import ReplayedRows
from arabic_llm_pipeline.training.schedule import Schedule
from tests.training.conftest import FULL, NF4, WINDOW, Answers, sft
from tests.training.kills import killed
from tests.training.test_methods import interrupts, log, result, trained, untimed  # noqa: F401  a fixture

CHAT = {"kinds": ("instruction", "conversation")}


def settings(**more: Any) -> CptSettings:
    return CptSettings(**{"steps": 6, "micro_batch": 4, "save_steps": 2, "learning_rate": 0.01, **more})


def contents(rows: ReplayedRows, row: int) -> set[str]:
    """Kinds of the documents in a row."""
    return {str(rows.split.kinds[rows.pieces.document[piece]]) for piece in rows.rows[row]}


def test_prose_is_learned_and_nothing_else(document_tokens: Path) -> None:
    rows = ReplayedRows(document_tokens, settings(), 400, 0)
    assert set().union(*(contents(rows, row) for row in range(len(rows.rows)))) == {"prose"}
    batch = rows.collate([0, 1])
    begins = batch["position_ids"] == 0
    assert ((batch["labels"] == -100) == begins)[batch["position_ids"] < WINDOW][: batch["tokens"]].any()
    learned = batch["labels"] != -100
    assert torch.equal(batch["labels"][learned], batch["input_ids"][learned])
    about = rows.about()
    assert about["fill"] > 0.9, "rows are full"
    assert "replayed_rows" not in about


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.8])
def test_so_many_rows_are_replayed_and_none_is_mixed(document_tokens: Path, share: float) -> None:
    chosen = settings(replay={"share": share, "selection": CHAT}, steps=40)
    rows = ReplayedRows(document_tokens, chosen, 400, 3)
    new = [row for row in range(len(rows.rows)) if contents(rows, row) == {"prose"}]
    again = [row for row in range(len(rows.rows)) if contents(rows, row) == {"instruction"}]
    again += [row for row in range(len(rows.rows)) if contents(rows, row) == {"instruction", "conversation"}]
    again += [row for row in range(len(rows.rows)) if contents(rows, row) == {"conversation"}]
    assert sorted(new + again) == list(range(len(rows.rows)))
    passes = len(rows.passes)
    assert len(again) / len(rows.rows) == pytest.approx(share, abs=1 / len(rows.rows))
    assert len(new) == passes * len(ReplayedRows(document_tokens, settings(), 400, 3).rows)
    # they take turns: none came twice more often than another
    counts = {tuple(rows.rows[row]): 0 for row in again}
    for row in again:
        counts[tuple(rows.rows[row])] += 1
    assert max(counts.values()) - min(counts.values()) <= 1
    places = Schedule(rows.passes, 4, 40, 3).order()
    assert np.isin(places, again).mean() == pytest.approx(share, abs=0.1)
    assert rows.about()["replayed_rows"] == rows.replayed[0]


def test_what_is_learned_anyway_is_not_replayed(document_tokens: Path) -> None:
    everything = {"share": 0.5, "selection": {"kinds": None}}
    rows = ReplayedRows(document_tokens, settings(replay=everything), 400, 0)
    assert not set(rows.chosen) & set(rows.further)
    assert len(rows.chosen) + len(rows.further) == len(rows.split)
    with pytest.raises(UserError, match=r"cpt\.replay\.share=0\.5.*chooses no document but those"):
        ReplayedRows(document_tokens, settings(replay={"share": 0.5, "selection": {"kinds": ("prose",)}}), 400, 0)


def test_the_rate_rises_anew_and_falls_to_a_tenth(job: Callable) -> None:
    """By hand: a linear rise, then 0.1 + 0.9 (1 + cos(pi k / 8)) / 2; transformers begins with 0."""
    made = job(settings(steps=10, warmup=2))
    cpt.train(made, Answers())
    cosine = (1 + np.cos(np.pi * np.arange(8) / 8)) / 2
    expected = [0.0, 0.005, *(0.01 * (0.1 + 0.9 * cosine))]
    assert log(made)["learning_rate"].to_list() == pytest.approx(expected, abs=1e-9)
    assert log(made)["loss"][-1] < log(made)["loss"][0]


def test_killed_and_run_again_it_ends_alike(job: Callable) -> None:
    given = settings(replay={"share": 0.4, "selection": CHAT}, steps=7)
    lora = {"lora": {"r": 4, "alpha": 8, "dropout": 0.1}}
    whole, again = job(given, "whole", NF4, **lora), job(given, "again", NF4, **lora)
    cpt.train(whole, Answers())
    killed(cpt.train, again, 5)
    cpt.train(again, Answers())
    assert result(again) == result(whole)
    assert untimed(log(again)).equals(untimed(log(whole)))
    data = json.loads((whole.finished / "resources.json").read_text())["data"]
    assert 0 < data["replayed_share"] < 0.6


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_sft_goes_on_from_it(job: Callable, kind: str) -> None:
    lora = {"lora": AdapterSettings(kind=kind, r=4)}
    before = job(settings(), "before", **lora)
    cpt.train(before, Answers())
    after = trained(job, sft(steps=1, micro_batch=8), "after", adapter=before.finished / "result", **lora)
    fresh = trained(job, sft(steps=1, micro_batch=8), "fresh", **lora)
    assert log(after)["loss"][0] != log(fresh)["loss"][0]


GROWN = PretrainSettings(added_layers=2, steps=6, micro_batch=4, save_steps=2, warmup_steps=1, decay=0.0)


def test_a_base_grows_deeper_and_goes_on_where_it_stood(job: Callable, base: dict, base_directory: Path) -> None:
    whole, again = job(GROWN, "whole"), job(GROWN, "again")
    pretrain.train(whole, Answers())
    killed(pretrain.train, again, 5)
    pretrain.train(again, Answers())
    assert result(again) == result(whole)
    as_it_is = job(GROWN.model_copy(update={"added_layers": 0, "steps": 1}), "as_it_is")
    pretrain.train(as_it_is, Answers())
    assert log(whole)["loss"][0] == pytest.approx(log(as_it_is)["loss"][0], rel=1e-5), "nothing changed by growing"
    assert log(whole)["loss"][-1] < log(whole)["loss"][0]
    made = whole.finished / "result"
    pointer = resolve_base(ModelSettings(name=str(made), quantization="none"), made)
    assert pointer["dtype"] == base["dtype"] == "F32", "in what the base was in"
    model: Any = models.load_candidate(pointer, None, FULL)
    assert model.config.num_hidden_layers == 4
    small: Any = models.load_candidate(base, None, FULL)
    assert model.generation_config.eos_token_id == small.generation_config.eos_token_id
    assert {"tokenizer.json", "chat_template.jinja"} <= set(pointer["files"])


def test_the_added_blocks_alone_can_be_trained(job: Callable, base: dict) -> None:
    made = job(GROWN.model_copy(update={"train": "added", "steps": 2}))
    pretrain.train(made, Answers())
    from safetensors.torch import load_file

    after, before = load_file(made.finished / "result" / "model.safetensors"), models.load_base(base, FULL).state_dict()
    new = added_blocks(2, 2)
    old = [block for block in range(4) if block not in new]
    assert torch.equal(after["model.embed_tokens.weight"], before["model.embed_tokens.weight"])
    for name, part in after.items():
        block = block_of(name)
        if block in new:
            continue
        original = name if block is None else name.replace(f"layers.{block}.", f"layers.{old.index(block)}.")
        assert torch.equal(part, before[original]), name
    assert all(after[f"model.layers.{block}.mlp.down_proj.weight"].any() for block in new)
    with pytest.raises(ValueError, match="added_layers is 0"):
        PretrainSettings(train="added")


def test_a_quantised_base_is_not_trained_further(job: Callable, base: dict) -> None:
    with pytest.raises(UserError, match=r"is quantised \(nf4\), and all weights are to be trained"):
        pretrain.train(job(GROWN, base={**base, "quantization": "nf4"}), Answers())


def test_the_kinds_of_a_selection_stay_when_it_is_narrowed() -> None:
    assert CptSettings(selection={"kinds": ("prose",), "sources": ("wiki",)}).selection == DocumentSelection(
        kinds=("prose",), sources=("wiki",)
    )


def test_a_cpu_computes_in_16_bits_where_it_is_told(job: Callable) -> None:
    once = GROWN.model_copy(update={"steps": 1})
    plain = job(once, "plain")
    half = job(once, "half", ModelSettings(quantization="none", compute_dtype="bfloat16"))
    for made in (plain, half):
        pretrain.train(made, Answers())
    losses = [log(made)["loss"][0] for made in (plain, half)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
    assert json.loads((half.finished / "resources.json").read_text())["dtype"] == "bfloat16"

"""The plan of a run's stages, as Kedro makes it."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import DnoSettings, KtoSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.parameters.training import SftSettings
from arabic_llm_pipeline.pipelines.memory_plan.pipeline import create_pipeline
from arabic_llm_pipeline.recipes import CHAINS

LOOP: dict[str, Any] = {"micro_batch": 2, "accumulation": 8, "activation_checkpointing": True}


def test_every_recipe_can_be_planned() -> None:
    for chain in CHAINS.values():
        assert create_pipeline([chain]).outputs() == {"memory_plan_plot"}


class Kept(MemoryDataset):
    """Stays after its last reader, for the test to read."""

    def _release(self) -> None: ...


def planned(recipe: str, **more: Any) -> DataCatalog:
    """The catalog after a run: Qwen2-1.5B is on no disk here, and its shape is known."""
    entries = {
        "base_files": None,
        "params:model": ModelSettings(name="Qwen/Qwen2-1.5B"),
        "params:adapter": AdapterSettings(r=8),
        "params:memory": MemorySettings(limit_gb=3.5),
        "params:devices": DeviceSettings(),
        "params:tokenize": TokenizeSettings(window=512),
        "params:sft": SftSettings(**LOOP),
        **more,
    }
    catalog = DataCatalog({name: MemoryDataset(value, copy_mode="assign") for name, value in entries.items()})
    for name in ("memory_plan", "memory_plan_plot"):
        catalog[name] = Kept(copy_mode="assign")
    SequentialRunner().run(create_pipeline([CHAINS[recipe]]), catalog)
    return catalog


def test_a_row_and_a_line_for_each_stage(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        catalog = planned("sft_kto", **{"params:kto": KtoSettings(**LOOP)})
    plan = catalog.load("memory_plan")
    assert plan["stage"].to_list() == ["sft", "sft_kto"]
    assert plan["reference_mib"].to_list() == [0.0, pytest.approx(plan["trained_mib"][1])]
    assert plan["fits"].all()
    assert plan["device_mib"].max() < 3.5e9 / 2**20
    assert re.search(r"sft: [12]\.\d\d GB on the card, .* GB of the machine's memory \(estimated\); fits", caplog.text)
    assert "limit 3,338" in [text.get_text().strip() for text in catalog.load("memory_plan_plot").axes[0].texts]


def test_a_judge_that_nobody_has_trained_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The parameter names it from the project's folder, the hooks say where that is."""
    judge = tmp_path / "data/06_models/sft_reward_adapter/default"
    settings = DnoSettings(judge="data/06_models/sft_reward_adapter/default", **LOOP)
    plan = planned("sft_dno", **{"params:dno": settings, "planned_judge": judge}).load("memory_plan")
    told = (
        "the judge sft_reward_adapter/default is not trained yet: counted as the stage sft_reward makes it with these"
    )
    assert plan["note"].to_list() == ["", f"{told} settings"]
    assert f"sft_dno: {told}" in caplog.text
    assert "planned_judge" not in create_pipeline([CHAINS["sft_dpo"]]).inputs()

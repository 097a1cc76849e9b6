"""What a dry run makes of the steps it has timed."""

import polars as pl
import pytest

from arabic_llm_pipeline.parameters.dry_run import DryRunSettings
from arabic_llm_pipeline.parameters.preference import DnoSettings, DpoSettings
from arabic_llm_pipeline.training.rehearsal import row, seconds_of, shortened, whole_steps

COST = {"device": "CPU", "processes": 1, "peak_device_allocated_mb": None, "peak_process_mb": 800.0}


def test_the_interval_by_hand() -> None:
    """2, 4, 6 seconds: mean 4, deviation 2, Student's t at 97.5% with two degrees of freedom 4.3027."""
    found = seconds_of([2.0, 4.0, 6.0], 100)
    assert found.value == pytest.approx(400)
    assert found.high - found.value == pytest.approx(100 * 4.3027 * 2 / 3**0.5, rel=1e-4)
    assert found.low == 0  # no time is less than none
    assert seconds_of([3.0] * 5, 10).low == seconds_of([3.0] * 5, 10).high == pytest.approx(30)


@pytest.mark.parametrize(
    ("settings", "rows", "steps"),
    [
        (DpoSettings(steps=40), 1000, 40),
        (DpoSettings(steps=0, epochs=2.0, micro_batch=4, accumulation=4), 1000, 125),
        (DpoSettings(steps=0, micro_batch=16), 3, 1),
        (DnoSettings(steps=20, rounds=3), 8, 60),
        (DnoSettings(steps=0, rounds=2, prompts=128, micro_batch=16), 8, 16),
    ],
)
def test_steps_of_a_whole_stage(settings: DpoSettings, rows: int, steps: int) -> None:
    assert whole_steps(settings, rows) == steps


def test_a_row_of_the_table() -> None:
    dry = DryRunSettings(steps=5, skipped=2)
    log = pl.DataFrame({"seconds": [9.0, 5.0, 2.0, 2.0, 2.0], "tokens_per_second": [1.0, 1.0, 50.0, 60.0, 70.0]})
    cost = {**COST, "data": {"rows": 100}, "planned_host_mb": 1000.0}
    found = row("sft_dpo", DpoSettings(steps=30), dry, log, cost, wall=27.0)
    assert (found["measured_steps"], found["steps"], found["seconds_per_step"]) == (3, 30, 2.0)
    assert found["tokens_per_second"] == 60
    assert found["start_seconds"] == pytest.approx(7)
    assert found["estimated_seconds"] == pytest.approx(67)
    assert found["planned_to_peak"] == pytest.approx(1.25)


def test_sampling_of_all_rounds_is_reckoned_with() -> None:
    settings = DnoSettings(steps=10, rounds=2, prompts=64, micro_batch=4)
    changes = shortened(settings, DryRunSettings())
    assert (changes["steps"], changes["rounds"], changes["prompts"]) == (20, 1, 8)
    log = pl.DataFrame({"seconds": [1.0] * 20, "tokens_per_second": [1.0] * 20})
    cost = {**COST, "data": {"rows": 8}, "seconds_sampling_and_judging": 3.0}
    found = row("dno", settings, DryRunSettings(), log, cost, wall=25.0)
    assert found["estimated_seconds"] == pytest.approx(20 * 1.0 + 2.0 + 3.0 * 2 * 64 / 8)

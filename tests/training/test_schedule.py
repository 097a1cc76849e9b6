"""Learning rates step by step."""

import pytest
import torch

from arabic_llm_pipeline.parameters.training import SftSettings
from arabic_llm_pipeline.training.schedule import equation_3


def test_equation_3_by_hand() -> None:
    """Warm-up 4 of 12 steps: quarters up, then half a cosine: cos(pi k / 8) for k = 1 to 8."""
    expected = [
        0.25, 0.5, 0.75, 1.0,
        0.9619397663, 0.8535533906, 0.6913417162, 0.5, 0.3086582838, 0.1464466094, 0.0380602337, 0.0,
    ]  # fmt: skip
    assert [equation_3(step, 4, 12) for step in range(1, 13)] == pytest.approx(expected, abs=1e-9)


def test_equation_3_without_warm_up_begins_to_fall_at_once() -> None:
    assert [equation_3(step, 0, 2) for step in (1, 2)] == pytest.approx([0.5, 0.0])


def test_transformers_cosine_is_the_same_one_step_late() -> None:
    from transformers import get_cosine_schedule_with_warmup

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_cosine_schedule_with_warmup(optimizer, 100, 1000).lr_lambdas[0]
    assert theirs(0) == 0
    assert [equation_3(step, 100, 1000) for step in range(1, 1001)] == pytest.approx(list(map(theirs, range(1, 1001))))


@pytest.mark.parametrize("warmup", [0.03, 100, 0])
def test_a_warm_up_is_a_share_or_a_number(warmup: float) -> None:
    assert SftSettings(warmup=warmup).warmup == warmup
    with pytest.raises(ValueError, match="whole number of steps"):
        SftSettings(warmup=1.5)

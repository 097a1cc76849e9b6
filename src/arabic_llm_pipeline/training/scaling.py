"""What loss scaling does in float16: a step whose gradients overflow is left out, and that is told."""

import logging
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

log = logging.getLogger(__name__)
IN_A_ROW = (
    20  # steps left out, from which on it is no search for a scale any more: from 65,536 there are 16 halvings to 1
)


class Scaling(TrainerCallback):
    """Logs which steps were left out, and the scale.

    Such a step counts: its rows are gone, its gradient norm is no number, weights and learning rate stay as they were
    (Micikevicius et al. 2018, arXiv 1710.03740). Its loss is a number all the same, so it is no reason to stop.
    """

    def __init__(self, scaler: Any):
        """Watch a scaler.

        Args:
            scaler: torch's.
        """
        self.scaler, self.in_a_row = scaler, 0

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, optimizer: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Complete the row of a step."""
        row = state.log_history[-1]
        if "loss" not in row:
            return
        left_out = bool(optimizer.step_was_skipped)
        row["step_left_out"], row["loss_scale"] = float(left_out), float(self.scaler.get_scale())
        self.in_a_row = self.in_a_row + 1 if left_out else 0
        if self.in_a_row == IN_A_ROW:
            log.warning(
                "float16 overflows in each of the last %d steps, up to step %d: nothing is learned. Set "
                "model.compute_dtype=bfloat16 where the card has it, or float32.", IN_A_ROW, row["step"]
            )  # fmt: skip

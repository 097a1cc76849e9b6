"""What a training step costs by kind of adapter and by quantisation, against LoRA over NF4 in the same run.

python benchmarks/adapters.py --rounds 5

A step is a forward and backward pass over the same random tokens and AdamW, without trainer and data; the kinds take
turns, a step each, and times are of the processor. Medians of the ratios, with their range.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for each other count as time of the processor

import torch

from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training import adalora, adapters, models
from arabic_llm_pipeline.training.base import resolve_base

KINDS = {
    "lora, nf4": ("lora", "nf4"), "lora, fp4": ("lora", "fp4"), "lora, int8": ("lora", "int8"),
    "lora, none": ("lora", "none"), "dora, nf4": ("dora", "nf4"), "adalora, nf4": ("adalora", "nf4"),
    "full, none": ("full", "none"),
}  # fmt: skip


class Step:
    """A model with its optimizer."""

    def __init__(self, kind: str, held: str, project: Path):
        settings = ModelSettings(quantization=held)
        pointer = resolve_base(settings, settings.directory(project))
        self.model = adapters.new_adapter(models.load_base(pointer, settings), AdapterSettings(kind=kind), 0)
        self.trained = [part for part in self.model.parameters() if part.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-4)
        self.allocation, self.steps = None, 0
        if kind == "adalora":
            self.allocation = adalora.Allocation(self.model, AdapterSettings(kind=kind))
            told = self.allocation.config
            told.total_step, told.tinit, told.tfinal = 10_000, 0, 1

    def __call__(self, ids: torch.Tensor) -> float:
        """Seconds of the processor that one step takes."""
        started = time.process_time()
        self.model(input_ids=ids, labels=ids).loss.backward()
        if self.allocation:
            self.allocation.on_pre_optimizer_step()
        self.optimizer.step()
        if self.allocation:
            self.steps += 1
            self.model.base_model.update_and_allocate(self.steps)
        self.optimizer.zero_grad()
        return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=128)
    asked = parser.parse_args()
    ids = torch.randint(10, 8000, (asked.rows, asked.tokens), generator=torch.Generator().manual_seed(0))
    project = Path(__file__).parents[1]
    steps = {name: Step(*told, project) for name, told in KINDS.items()}
    for step in steps.values():
        step(ids)
    taken = {name: [] for name in steps}
    for _ in range(asked.rounds):
        for name, step in steps.items():
            taken[name].append(step(ids))
    first = taken[next(iter(KINDS))]
    print("| what | trained weights | s a step | against LoRA over NF4 |")
    print("|---|--:|--:|--:|")
    for name, times in taken.items():
        ratios = [one / other for one, other in zip(times, first, strict=True)]
        count = sum(part.numel() for part in steps[name].trained)
        shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {count:,} | {statistics.median(times):.2f} | {shown} |")


if __name__ == "__main__":
    main()

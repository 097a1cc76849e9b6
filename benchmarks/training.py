"""What a training step costs: a stage's, a bare PyTorch loop's on the same batches, plain TRL's on the same rows.

python benchmarks/training.py --rounds 5

Needs a finished `kedro run --pipelines=preprocess,tokenize`. Beside them: the bare loop in a process that keeps the
memory it has freed, as stages do on a CPU; LoRA on weights that are not quantised; packed rows (SFT); compiled blocks
with plain products of matrices for attention (pretraining, all weights in bfloat16). Every run is a process of its own,
and the kinds take turns in every round. A figure is the median over rounds with its range: seconds of the clock for
1,000 tokens without the first two steps, against the bare loop's of the same round; the peak of resident memory; and
seconds from the start of the interpreter to the end of the first step.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.preference import DpoSettings
from arabic_llm_pipeline.parameters.training import LoopSettings, PretrainSettings, SftSettings
from arabic_llm_pipeline.training import models
from arabic_llm_pipeline.training.base import resolve_base
from arabic_llm_pipeline.training.job import Job

PROJECT = Path(__file__).parents[1]
STORES = {"sft": "document_tokens", "dpo": "pair_tokens", "pretrain": "document_tokens"}
SETTINGS: dict[str, type[LoopSettings]] = {"sft": SftSettings, "dpo": DpoSettings, "pretrain": PretrainSettings}
KINDS = {
    "sft": ("bare", "kept", "stage", "trl", "lora", "packed"),
    "dpo": ("bare", "kept", "stage", "trl", "lora"),
    "pretrain": ("bare", "kept", "stage", "compiled"),
}
CHANGES = {"packed": {"packing": True}, "compiled": {"compile": True}}  # of settings, by kind
PIPES = {"capture_output": True, "text": True}
FORMS = {"seconds": ".2f", "peak": ",.0f", "first": ".1f"}  # of figures
WARM = 2  # steps that do not count


class Clock:
    """What a run took, step by step; to a stage it is the channel to its parent."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.tokens: list[int] = []

    def send(self, kind: str, value: Any) -> None:
        """Hear of a step of a stage."""
        if kind == "row":
            self.step(value["tokens"])

    def step(self, tokens: int) -> None:
        """Note the end of a step, and the tokens of all steps until then."""
        self.at.append(time.time())
        self.tokens.append(tokens)

    def told(self) -> dict[str, float]:
        """Figures of the run."""
        seconds, tokens = self.at[-1] - self.at[WARM - 1], self.tokens[-1] - self.tokens[WARM - 1]
        return {
            "seconds": 1000 * seconds / tokens,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "first": self.at[0] - psutil.Process().create_time(),
        }


def main() -> None:
    """Measure and print, or be one of the runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--experiment", default="default")
    parser.add_argument("--methods", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--run", nargs=3, metavar=("METHOD", "KIND", "WORKSPACE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        method, kind, workspace = asked.run
        print(json.dumps(run(method, kind, job(method, kind, Path(workspace), asked))))
        return
    for method in asked.methods:
        table(method, [{kind: apart(method, kind, asked) for kind in KINDS[method]} for _ in range(asked.rounds)])


def apart(method: str, kind: str, asked: argparse.Namespace) -> dict[str, float]:
    """Figures of one run, in a process of its own."""
    with tempfile.TemporaryDirectory() as workspace:
        told = ["--run", method, kind, workspace, "--steps", str(asked.steps), "--experiment", asked.experiment]
        done = subprocess.run([sys.executable, __file__, *told], cwd=PROJECT, check=False, **PIPES)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def table(method: str, rounds: list[dict[str, dict[str, float]]]) -> None:
    """Print the figures of a method's kinds."""
    print(f"\n| {method} | s for 1,000 tokens | against the bare loop | peak MiB | s to the first step |")
    print("|---|--:|--:|--:|--:|")
    for kind in rounds[0]:
        ratios = [one[kind]["seconds"] / one["bare"]["seconds"] for one in rounds]
        cells = [_median([one[kind][name] for one in rounds], form) for name, form in FORMS.items()]
        print(f"| {kind} | {cells[0]} | {_median(ratios, '.2f')} | {cells[1]} | {cells[2]} |")


def _median(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def job(method: str, kind: str, workspace: Path, asked: argparse.Namespace) -> Job:
    """The stage, with the defaults of its method but for its length; DPO of a new adapter."""
    settings = SETTINGS[method](**CHANGES.get(kind, {}))
    short = settings.model_copy(update={"steps": asked.steps, "save_steps": asked.steps + 1})
    model = _model(method, kind)
    data = PROJECT / "data/05_model_input"
    return Job(
        workspace=workspace,
        tokenizer=data / "tokenizer" / asked.experiment,
        tokens=data / STORES[method] / asked.experiment,
        settings=short.model_dump(mode="json"),
        model=model,
        method=method,
        seed=42,
        base=resolve_base(model, model.directory(PROJECT)),
    )


def _model(method: str, kind: str) -> ModelSettings:
    if method != "pretrain":
        return ModelSettings(**({"quantization": "none"} if kind == "lora" else {}))
    attention = "eager" if kind == "compiled" else "sdpa"
    return ModelSettings(quantization="none", compute_dtype="bfloat16", attention=attention)


def run(method: str, kind: str, told: Job) -> dict[str, float]:
    """Figures of one run, in this process."""
    clock = Clock()
    if kind not in {"bare", "trl"}:
        models.ready()
    RUNS.get(kind, _trains(method))(told, clock)
    return clock.told()


def _trains(method: str) -> Callable[..., None]:
    from arabic_llm_pipeline.training.methods import preference, pretrain, sft

    return {"sft": sft.train, "dpo": preference.train_dpo, "pretrain": pretrain.train}[method]


def laid_out(told: Job, model: Any) -> tuple[Any, Any, Any]:
    """Settings of a stage, its rows, and the order in which they come."""
    from arabic_llm_pipeline.training.batches import DocumentRows, WindowRows
    from arabic_llm_pipeline.training.finish import vocabulary
    from arabic_llm_pipeline.training.preference_batches import PairRows
    from arabic_llm_pipeline.training.schedule import schedule

    settings: Any = SETTINGS[told.method](**told.settings)
    if told.method == "pretrain":
        rows: Any = WindowRows(told.tokens, vocabulary(model))
    else:
        rows = (DocumentRows if told.method == "sft" else PairRows)(told.tokens, settings, vocabulary(model), told.seed)
    return settings, rows, schedule(rows.passes, settings, told.seed)


def bare(told: Job, clock: Clock) -> None:
    """A loop of PyTorch: batches, loss, gradients, norm, AdamW."""
    import torch

    model = _bare_model(told)
    settings, rows, plan = laid_out(told, model)
    order, size, seen = plan.order(), settings.micro_batch, 0
    trained = [part for part in model.parameters() if part.requires_grad]
    optimizer = _bare_optimizer(model, settings)
    dtype = models.compute_dtype(told.model)
    model.train()
    for step in range(settings.steps):
        for part in range(settings.accumulation):
            begin = (step * settings.accumulation + part) * size
            batch = rows.collate([int(row) for row in order[begin : begin + size]])
            seen += batch.pop("tokens")
            with torch.autocast("cpu", dtype=dtype, enabled=dtype == torch.bfloat16):
                loss = LOSSES[told.method](model, batch, settings)
            (loss / settings.accumulation).backward()
        torch.nn.utils.clip_grad_norm_(trained, settings.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        clock.step(seen)


def _bare_model(told: Job) -> Any:
    from arabic_llm_pipeline.training.finish import stage_model
    from arabic_llm_pipeline.training.methods.pretrain import base_model

    return base_model(PretrainSettings(**told.settings), told) if told.method == "pretrain" else stage_model(told)


def _bare_optimizer(model: Any, settings: Any) -> Any:
    import torch

    from arabic_llm_pipeline.training.optimizers import muon_and_adamw

    if isinstance(settings, PretrainSettings):
        return muon_and_adamw(model, settings, lambda _: 1.0)[0]
    trained = [part for part in model.parameters() if part.requires_grad]
    return torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def learned(model: Any, batch: dict[str, Any], _: Any) -> Any:
    """The loss of SFT, as transformers has it."""
    return model(**batch).loss


def preferred(model: Any, batch: dict[str, Any], settings: DpoSettings) -> Any:
    """The loss of DPO against the base."""
    import torch

    mask = batch.pop("completion_mask")[:, 1:]

    def answers() -> Any:
        logits = model(**batch).logits[:, :-1].float()
        chosen = logits.log_softmax(-1).gather(-1, batch["input_ids"][:, 1:, None]).squeeze(-1)
        return (chosen * mask).sum(-1)

    with torch.no_grad(), model.disable_adapter():
        before = answers()
    better, worse = (answers() - before).chunk(2)
    return -torch.nn.functional.logsigmoid(settings.beta * (better - worse)).mean()


LOSSES = {"sft": learned, "dpo": preferred, "pretrain": learned}


def plain_trl(told: Job, clock: Clock) -> None:
    """TRL as it comes: the same rows as texts, the same arguments."""
    import transformers
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training import trainers
    from arabic_llm_pipeline.training.finish import stage_model

    model, tokenizer = stage_model(told), load_tokenizer(told.tokenizer)
    settings, rows, plan = laid_out(told, model)
    order, seen = plan.order(), [0]
    size = settings.micro_batch * settings.accumulation
    for step in range(settings.steps):
        seen.append(seen[-1] + rows.collate([int(row) for row in order[step * size : (step + 1) * size]])["tokens"])

    class Told(transformers.TrainerCallback):
        def on_step_end(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
            clock.step(seen[state.global_step])

    arguments = trainers.arguments(told, settings, plan) | trainers.adapter_options(settings, settings.learning_rate)
    texts = Dataset.from_list([as_text(rows, int(row), tokenizer) for row in order])
    config, trainer = (SFTConfig, SFTTrainer) if told.method == "sft" else (DPOConfig, DPOTrainer)
    beta = {} if told.method == "sft" else {"beta": settings.beta}
    made = trainer(model, args=config(**arguments, **beta), train_dataset=texts, processing_class=tokenizer)
    made.add_callback(Told())
    made.train()


def as_text(rows: Any, row: int, tokenizer: Any) -> dict[str, str]:
    """A row as TRL takes texts: what is asked, and what is answered."""
    if hasattr(rows, "pair"):
        return dict(zip(("prompt", "chosen", "rejected"), map(tokenizer.decode, rows.pair(row)), strict=True))
    batch = rows.collate([row])
    ids, labels = batch["input_ids"][0], batch["labels"][0]
    begin = int((labels >= 0).nonzero()[0])
    return {"prompt": tokenizer.decode(ids[:begin]), "completion": tokenizer.decode(ids[begin:])}


RUNS = {"bare": bare, "kept": bare, "trl": plain_trl}


if __name__ == "__main__":
    main()

"""Direct Nash optimisation (Rosset et al. 2024) in batches: sample, judge, keep clear pairs, DPO, and again."""

import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json, write_json
from arabic_llm_pipeline.parameters.preference import DnoSettings
from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.training import workers
from arabic_llm_pipeline.training.job import LOG, RESOURCES, RESULT, Channel, Job

PAIRS = "pairs.safetensors"  # in a round's folder: a round that was killed trains on the very same pairs
Pair = tuple[Array, Array, Array]
SUMMED = ("seconds", "steps", "tokens", "energy_watt_hours")
PEAKS = ("peak_process_mb", "peak_device_allocated_mb", "peak_device_reserved_mb", "peak_device_used_mb")


def train(job: Job, channel: Channel) -> None:
    """Rounds of training on answers of its own; each is against what the model was at its beginning.

    A finished round is kept, and so are the pairs and checkpoints of one under way.

    Raises:
        UserError: the judge finds no two answers clearly apart.
    """
    settings = DnoSettings(**job.settings)
    adapter, told = job.adapter, OfRound(channel, settings.rounds)
    for number in range(settings.rounds):
        folder = job.workspace / f"round-{number + 1}"
        folder.mkdir(exist_ok=True)
        workers.together()
        of_round = job.model_copy(update={"workspace": folder, "adapter": adapter, "run": f"{job.run}/{folder.name}"})
        if not (of_round.finished / RESULT).is_dir():
            _round(of_round, settings, number, told)
            workers.together()  # its result is there for the next one
        adapter = of_round.finished / RESULT
    workers.once("all rounds", lambda: _gather(job, settings.rounds))


def _round(job: Job, settings: DnoSettings, number: int, channel: "OfRound") -> None:
    from arabic_llm_pipeline.training import finish, trainers
    from arabic_llm_pipeline.training.preference_batches import SampledRows
    from arabic_llm_pipeline.training.preference_trainers import pair_trainer
    from arabic_llm_pipeline.training.schedule import schedule

    signal.signal(signal.SIGINT, signal.default_int_handler)  # the round before left its own, which waits for a step
    model = finish.stage_model(job)
    workers.once("pairs", lambda: _made(job, settings, number, model))
    rows = SampledRows(_read(job.workspace / PAIRS), finish.vocabulary(model))
    plan = schedule(rows.passes, settings, job.seed + number)
    options = trainers.adapter_options(settings, settings.learning_rate) | {"beta": settings.beta}
    trainer = pair_trainer(model, job, settings, plan, rows, False, **options)
    channel.number = number
    told: Any = channel
    finish.finish_adapter(trainer, job, plan, told, rows.about())


def _made(job: Job, settings: DnoSettings, number: int, model: Any) -> None:
    if not (job.workspace / PAIRS).is_file():
        begun = time.perf_counter()
        _write(_pairs(job, settings, number, model), job.workspace / PAIRS, begun)


class OfRound:
    """The channel, for one of several rounds that the parent sees as one training."""

    def __init__(self, channel: Channel, rounds: int):
        self.channel, self.number, self.rounds = channel, 0, rounds
        self.begun = False

    def send(self, kind: str, value: Any) -> None:
        """Pass on; how a training begins only once, with the steps of all rounds."""
        if self.begun and kind in {"plan", "rows"}:
            return
        if kind == "plan":
            done, steps = value
            self.begun, value = True, [self.number * steps + done, self.rounds * steps]
        self.channel.send(kind, value)


def _pairs(job: Job, settings: DnoSettings, number: int, model: Any) -> list[Pair]:
    """Best and worst of the answers to each prompt, where the judge tells them clearly apart."""
    from arabic_llm_pipeline.tokens.chat import Renderer
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training import finish
    from arabic_llm_pipeline.training.batches import check
    from arabic_llm_pipeline.training.judges import Policy, judge
    from arabic_llm_pipeline.training.sampling import sample

    prompts, chosen = _prompts(job, settings, number)
    check(max(int(part.max()) for part in (*prompts, *chosen)), finish.vocabulary(model))
    end = Renderer(load_tokenizer(job.tokenizer)).turn_end  # answers of the store may be cut before it
    answers = sample(model, prompts, end, settings, job.seed + number)
    given = [[*made, *([best] if settings.with_chosen else [])] for made, best in zip(answers, chosen, strict=True)]
    asked = [
        (prompt, best, answer)
        for prompt, best, made in zip(prompts, chosen, given, strict=True)
        for answer in made
    ]  # fmt: skip
    policy = Policy(model, job.base, job.model, job.tokenizer, on_base=hasattr(model, "peft_config"))
    judged = judge(settings.judge, asked, policy, settings.sampling_batch)
    scores = np.split(judged, np.cumsum([len(made) for made in given]))
    kept = [
        pair
        for prompt, made, found in zip(prompts, given, scores, strict=False)
        if (pair := clear(prompt, made, found, end, settings.margin))
    ]
    if not kept:
        raise UserError(
            f"The judge {settings.judge} finds no two answers to any of {len(prompts)} prompts apart by "
            f"{settings.margin}. Lower dno.margin, or raise dno.temperature, dno.samples or dno.prompts."
        )
    return kept


def clear(prompt: Array, answers: Sequence[Array], scores: Array, end: int, margin: float) -> Pair | None:
    """The best answer that ended and the worst, if the former is better by the margin."""
    ended = [place for place, answer in enumerate(answers) if len(answer) and answer[-1] == end]
    if not ended:
        return None
    best, worst = max(ended, key=lambda place: scores[place]), int(np.argmin(scores))
    apart = scores[best] - scores[worst] >= margin and len(answers[worst]) > 0
    return (prompt, answers[best], answers[worst]) if apart else None


def _prompts(job: Job, settings: DnoSettings, number: int) -> tuple[list[Array], list[Array]]:
    """Prompts of this round, others than the rounds' before while there are, and their chosen answers."""
    from arabic_llm_pipeline.training.preference_batches import PairRows

    rows = PairRows(job.tokens, settings, np.iinfo(np.int64).max, job.seed)
    order = np.random.default_rng(job.seed).permutation(len(rows.rows))
    places = order[np.arange(number * settings.prompts, (number + 1) * settings.prompts) % len(order)]
    pairs = [rows.pair(int(place)) for place in np.unique(places)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _write(pairs: Sequence[Pair], file: Path, begun: float) -> None:
    """Keep the pairs of a round, and how long they took."""
    from safetensors.numpy import save_file

    parts = [part.astype(np.int64) for pair in pairs for part in pair]
    new = file.with_suffix(".new")
    lengths, seconds = np.array([len(part) for part in parts]), np.array(time.perf_counter() - begun)
    save_file({"tokens": np.concatenate(parts), "lengths": lengths, "seconds": seconds}, new)
    new.replace(file)


def _read(file: Path) -> list[Pair]:
    found = _found(file)
    parts = np.split(found["tokens"], np.cumsum(found["lengths"])[:-1])
    return [(parts[at], parts[at + 1], parts[at + 2]) for at in range(0, len(parts), 3)]


def _found(file: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return load_file(file)


def _sum(costs: Sequence[float | None]) -> float | None:
    """Of all rounds; None if one of them could not tell."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _gather(job: Job, rounds: int) -> None:
    """The last round's result, the log of all of them, and what all of them cost."""
    import polars as pl

    from arabic_llm_pipeline.training.memory.record import planned
    from arabic_llm_pipeline.training.models import ABOUT, FROM, weights_of

    folders = [job.workspace / f"round-{number + 1}" / job.finished.name for number in range(rounds)]
    logs, steps = [pl.read_parquet(folder / LOG) for folder in folders], 0
    for place, frame in enumerate(logs):
        logs[place] = frame.with_columns(pl.col("step") + steps, pl.lit(float(place + 1)).alias("round"))
        steps += len(frame)
    costs = [read_json(folder / RESOURCES) for folder in folders]
    total = costs[-1] | {name: _sum([cost[name] for cost in costs]) for name in SUMMED}
    total |= {name: max((cost[name] for cost in costs if cost[name] is not None), default=None) for name in PEAKS}
    total["seconds_sampling_and_judging"] = sum(float(_found(folder.parent / PAIRS)["seconds"]) for folder in folders)
    total |= {**planned(job.workspace), "data": {"rows": sum(cost["data"]["rows"] for cost in costs)}}
    new = job.workspace / ".finishing"
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(folders[-1] / RESULT, new / RESULT)
    about = new / RESULT / ABOUT  # it was trained from what the first round began with, whatever the last one did
    write_json(about, {**read_json(about), FROM: weights_of(job.adapter)})
    pl.concat(logs, how="diagonal").write_parquet(new / LOG)
    write_json(new / RESOURCES, total)
    new.replace(job.finished)

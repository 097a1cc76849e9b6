"""How fast a model reads and writes, and the memory that takes: an adapter beside its base, and both in one.

Each run is one call of transformers' `generate`, greedy, that writes a set number of tokens after a batch of prompts of
one length; the clock is read when a token is there. So the figures are what a user of `generate` has.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.progress import progress
from arabic_llm_pipeline.evaluation.generation import numbers, only_numbers
from arabic_llm_pipeline.evaluation.portions import tried
from arabic_llm_pipeline.evaluation.results import ALL, VALUES, Row, harness, missing, score_rows, score_table
from arabic_llm_pipeline.parameters.speed import SpeedSettings

MEASURE, MB = "speed", 1 << 20
READ, WRITTEN, FIRST = "prefill_tokens_per_second", "generation_tokens_per_second", "time_to_first_token_ms"
PEAK, WEIGHTS = "peak_memory_mb", "weights_mb"
METRICS = (READ, WRITTEN, FIRST)
Measured = tuple[pl.DataFrame, pl.DataFrame]
log = logging.getLogger(__name__)


class Run(NamedTuple):
    """Seconds from the call to the first token, and from it to the last."""

    first: float
    rest: float


class Timed(NamedTuple):
    """The runs of one batch size, and the most memory seen in them in MB."""

    runs: list[Run]
    memory: float


def measure(forms: Mapping[str, Callable[[], Any]], settings: SpeedSettings, seed: int, held: str) -> Measured:
    """Scores (`SCORES`, by batch; the set is the form) and the values behind them (`VALUES`, by run).

    Tokens a second are those of all runs over their time; prefill is from the call to the first token. Memory is the
    most that torch has handed out on a card, with the weights; on a CPU what the whole process holds, as seen after
    each token.

    Args:
        forms: what loads the model in each form; each is let go before the next.
        settings: what is timed.
        seed: draws the prompts' tokens, on which nothing hangs, and the resamples.
        held: how the base's weights are held, for the record.

    Raises:
        UserError: prompt and answer are longer than the model can see, or its logits are not numbers.
    """
    found: list[Row] = []
    kept = [VALUES.to_frame()]
    for form, load in forms.items():
        model = load()
        rows, values = _form(model, form, settings, seed, held)
        found += rows
        kept.append(values)
        del model
        gc.collect()
    if not found:
        found = [missing(MEASURE, "none", READ, "speed.forms names no form of this candidate")]
    return score_table(found), pl.concat(kept)


def _form(model: Any, form: str, settings: SpeedSettings, seed: int, held: str) -> tuple[list[Row], pl.DataFrame]:
    _check_window(model, settings)
    weights = "none" if form == "merged" else held
    about = {"harness": harness(), "seed": seed, "decoding": _said(model, settings, weights)}
    size = {"value": model.get_memory_footprint() / MB, "items": 1}
    rows: list[Row] = [missing(MEASURE, form, WEIGHTS, "") | about | {"why": None} | size]
    kept = [VALUES.to_frame()]
    full = False
    for batch in sorted(set(settings.batch_sizes)):
        timed = None if full else _timed(model, batch, settings, seed)
        named = {**about, "by": "batch", "group": str(batch)}
        if timed is None:
            full = True
            rows += [
                missing(MEASURE, form, metric, f"memory does not hold {batch} at once") | named for metric in METRICS
            ]
            continue
        values = _values(timed.runs, form, batch, settings)
        scores = score_rows(values, settings.resamples, seed, about=about)
        rows += [row | named for row in scores if row["by"] == ALL]
        memory = {"value": timed.memory, "items": len(timed.runs), "why": None}
        rows.append(missing(MEASURE, form, PEAK, "") | named | memory)
        kept.append(values)
    return rows, pl.concat(kept)


def _check_window(model: Any, settings: SpeedSettings) -> None:
    context = int(model.config.get_text_config().max_position_embeddings)
    wanted = settings.prompt_tokens + settings.new_tokens
    if wanted > context:
        raise UserError(
            f"speed.prompt_tokens {settings.prompt_tokens} and speed.new_tokens {settings.new_tokens} are {wanted} "
            f"tokens, but the model can see {context} at once: lower one of them."
        )


def _said(model: Any, settings: SpeedSettings, held: str) -> str:
    """What the figures hang on beside the model."""
    dtype = str(model.dtype).removeprefix("torch.")
    lengths = f"{settings.prompt_tokens} tokens read, {settings.new_tokens} written"
    return f"greedy; {lengths}; {device_name()}; weights {held}, computed in {dtype}"


def device_name() -> str:
    """The card, or the number of threads of the CPU that torch computes with."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU with {torch.get_num_threads()} threads"


def _timed(model: Any, batch: int, settings: SpeedSettings, seed: int) -> Timed | None:
    """The runs of one batch size; None where memory does not hold it."""
    vocabulary = int(model.config.get_text_config().vocab_size)
    prompts = np.random.default_rng(seed).integers(0, vocabulary, (batch, settings.prompt_tokens))

    def work() -> Timed:
        with numbers(model, "Speed", [f"prompt {place + 1}" for place in range(batch)]):
            for _ in range(settings.warm_up):
                run(model, prompts, settings.new_tokens, checked=True)
        memory = _Memory()
        runs = []
        with progress(f"Speed ({batch} at once)", settings.repeats) as advance:
            for _ in range(settings.repeats):
                runs.append(run(model, prompts, settings.new_tokens, memory.see))
                advance(1)
        return Timed(runs, memory.most())

    return tried(work)


def run(
    model: Any,
    prompts: NDArray[np.int64],
    new_tokens: int,
    see: Callable[[], None] = lambda: None,
    *,
    checked: bool = False,
    clock: Callable[[], float] = perf_counter,
) -> Run:
    """One call of `generate`, timed.

    Args:
        model: the candidate.
        prompts: [batch, tokens].
        new_tokens: how many are written; an end of text does not stop it.
        see: is called after each token, once it is timed.
        checked: refuse logits that are no numbers; it costs time.
        clock: in seconds.
    """
    import torch
    from transformers import GenerationConfig

    model.generation_config = GenerationConfig()
    config = GenerationConfig(max_new_tokens=new_tokens, do_sample=False, pad_token_id=0, use_cache=True)
    ids = torch.from_numpy(prompts).to(model.device)
    stamps: list[float] = []

    def stamp(read: Any, _scores: Any, **_: Any) -> Any:
        if read.is_cuda:
            torch.cuda.synchronize()
        stamps.append(clock())
        see()
        return torch.zeros(len(read), dtype=torch.bool, device=read.device)

    begun = clock()
    with torch.inference_mode():
        model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config, stopping_criteria=[stamp],
            logits_processor=[only_numbers] if checked else [],
        )  # fmt: skip
    return Run(stamps[0] - begun, stamps[-1] - stamps[0])


class _Memory:
    """The most memory seen since it was made, in MB."""

    def __init__(self) -> None:
        import psutil
        import torch

        self.process, self.highest = psutil.Process(), 0
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()

    def see(self) -> None:
        self.highest = max(self.highest, self.process.memory_info().rss)

    def most(self) -> float:
        from arabic_llm_pipeline.training.gauges import device_mb

        card = device_mb()
        return self.highest / MB if card is None else card


def _values(runs: list[Run], form: str, batch: int, settings: SpeedSettings) -> pl.DataFrame:
    return pl.DataFrame(list(_rows(runs, form, batch, settings)), schema=VALUES, orient="row")


def _rows(runs: list[Run], form: str, batch: int, settings: SpeedSettings) -> Iterator[tuple[Any, ...]]:
    read, written = float(batch * settings.prompt_tokens), float(batch * (settings.new_tokens - 1))
    for place, one in enumerate(runs):
        parts = {READ: (read, one.first), WRITTEN: (written, one.rest), FIRST: (1000 * one.first, 1.0)}
        for metric, (value, weight) in parts.items():
            yield MEASURE, form, metric, f"{batch}/{place}", None, None, value, weight

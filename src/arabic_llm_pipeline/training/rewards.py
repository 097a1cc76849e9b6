"""Reward models: what gives an answer one number; made for training, loaded by itself, or lent another's base."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.tokenizer import digests, load_tokenizer
from arabic_llm_pipeline.training import lent, models
from arabic_llm_pipeline.training.base import Pointer
from arabic_llm_pipeline.training.families import HEAD

REWARD = "reward"  # in what is known of a result (models.ABOUT): what of its own a reward model says
SHOWN = ("name", "kind", "path", "hub", "revision", "model_type", "parameters", "dtype", "quantization", "files")
Rewards = NDArray[np.float64]


@dataclass(frozen=True)
class Scorer:
    """A loaded reward model."""

    body: Any  # token ids and mask -> hidden states
    head: torch.Tensor  # [1, hidden], fp32
    padding: int

    def rewards(self, rows: Sequence[Array], batch: int) -> Rewards:
        """The number of each sequence of tokens, prompt and answer together; [rows].

        Args:
            rows: token ids.
            batch: sequences in a forward pass.

        Raises:
            UserError: one of them is no number.
        """
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place]))  # like lengths together
        found = np.empty(len(rows))
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            found[part] = self.together([rows[place] for place in part])
        if len(wrong := np.flatnonzero(~np.isfinite(found))):
            raise UserError(
                f"The reward model gives no number for {len(wrong)} of {len(rows)} answers ({found[wrong[0]]} for "
                f"number {wrong[0] + 1}, of {len(rows[wrong[0]])} tokens). Its weights are damaged, its training ran "
                "away, or float16 overflows: try model.compute_dtype=float32, and look at the loss of its training."
            )
        return found

    @torch.no_grad()
    def together(self, rows: Sequence[Array]) -> Rewards:
        """The rewards of one forward pass, as the model gives them, numbers or not; [rows].

        A reward stands at the last token that is not padding, as in transformers.
        """
        ids = torch.full((len(rows), max(map(len, rows))), self.padding)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.from_numpy(row.astype(np.int64))
        seen = torch.tensor([len(row) for row in rows])[:, None] > torch.arange(ids.shape[1])
        last = (torch.arange(ids.shape[1]) * (ids != self.padding)).argmax(1)
        device = self.head.device
        states = self.body(input_ids=ids.to(device), attention_mask=seen.long().to(device), use_cache=False)
        hidden = states.last_hidden_state[torch.arange(len(rows), device=device), last.to(device)]
        found: Rewards = (hidden.float() @ self.head.T)[:, 0].double().cpu().numpy()
        return found


def draw_head(model: Any, seed: int) -> None:
    """Give a new head its weights, by the seed alone and as transformers draws them, in fp32."""
    head = model.get_submodule(HEAD)
    drawn = torch.empty(head.weight.shape, dtype=torch.float32)
    spread = getattr(model.config.get_text_config(), "initializer_range", 0.02)
    drawn.normal_(0, spread, generator=torch.Generator().manual_seed(seed))
    head.weight.data = drawn.to(head.weight.device)


def about(base: Pointer, tokenizer: Path, padding: int) -> dict[str, Any]:
    """What a reward model says of itself: where its base is, what its tokens are, and what pads."""
    pointer = {name: base[name] for name in SHOWN if name in base}
    return {REWARD: {"base": pointer, "tokens": digests(tokenizer), "padding": padding}}


def check_tokens(directory: Path, tokenizer: Path) -> None:
    """Refuse a reward model of other tokens than those that it is to read.

    Raises:
        UserError: it is one.
    """
    own = _about(directory).get(REWARD, {}).get("tokens")
    beside = directory / "tokenizer.json"
    if own is None and beside.is_file():
        own = {"tokenizer": digests(directory)["tokenizer"]} if (directory / "chat_template.jinja").is_file() else None
    now = digests(tokenizer)
    if own and (different := [name for name in own if own[name] != now[name]]):
        raise UserError(
            f"The reward model in {directory} was trained with another {different[0]} than the model whose answers it "
            "is to judge: its numbers would mean nothing. Train it with that tokenizer (a stage of the same base)."
        )


def shares_base(directory: Path, pointer: Pointer, settings: ModelSettings) -> bool:
    """Whether what is in a directory is an adapter that stands on this very base, held like this."""
    known = _about(directory)
    if models.is_whole(directory):
        return False
    wanted = models.about_base(pointer, settings)
    return not known or all(known.get(name) == value for name, value in wanted.items())


@contextmanager
def lent_scorer(model: Any, directory: Path, tokenizer: Path) -> Iterator[Scorer]:
    """A reward model on the base of a model that is loaded, whose own adapter rests meanwhile.

    Args:
        model: the policy; it is what it was when the block ends.
        directory: of the reward model, an adapter of the same base.
        tokenizer: of the policy.
    """
    from safetensors.torch import load_file

    weights = load_file(directory / models.WEIGHTS)
    [head] = [part for name, part in weights.items() if name.split(".")[-2] == HEAD]
    with lent.adapters(model, {REWARD: directory}) as rest:
        rest.use(REWARD)
        inner = rest.model.get_base_model()
        yield Scorer(inner.base_model, head.float().to(rest.model.device), padding_of(directory, tokenizer))


def load_scorer(directory: Path, tokenizer: Path, settings: ModelSettings, base: Pointer | None = None) -> Scorer:
    """A reward model by itself.

    Args:
        directory: of the reward model.
        tokenizer: of what it reads.
        settings: how its base is held, but for what the directory itself says of that.
        base: pointer to its base; None: the one that the directory names.

    Raises:
        UserError: its base is not there.
    """
    known = _about(directory)
    if models.is_whole(directory):
        model = models.load_whole(directory, settings, scoring=True).eval()
        return Scorer(model.base_model, _head(model), padding_of(directory, tokenizer))
    pointer = base or known.get(REWARD, {}).get("base")
    if pointer is None:
        raise UserError(f"{directory} does not say which base its reward model stands on. Train it again with reward.")
    held: dict[str, Any] = {name: known[name] for name in ("quantization", "double_quantization") if name in known}
    as_trained = settings.model_copy(update=held)
    models.check_origin(directory, pointer, as_trained, reward=True)
    whole = models.load_base(pointer, as_trained, scoring=True)
    tuned: Any = models.with_adapter(whole, directory, pointer, as_trained, trainable=False, reward=True).eval()
    return Scorer(tuned.get_base_model().base_model, _head(tuned), padding_of(directory, tokenizer))


def padding_of(directory: Path, tokenizer: Path) -> int:
    """The token that pads a reward model's rows."""
    found = _about(directory).get(REWARD, {}).get("padding")
    return int(load_tokenizer(tokenizer).pad_token_id if found is None else found)


def _head(model: Any) -> torch.Tensor:
    named = [part for name, part in model.named_parameters() if f".{HEAD}." in f".{name}" and "original" not in name]
    return named[0].detach().float()


def _about(directory: Path) -> dict[str, Any]:
    path = directory / models.ABOUT
    return read_json(path) if path.is_file() else {}

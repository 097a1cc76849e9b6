"""A model with its conversation: what was said so far, and what it says next, piece by piece."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer

Write = Callable[[str], None]
SHOWN = 16  # digits of a fingerprint
DEFAULTS = {"temperature": 0.7, "top_p": 0.9, "top_k": 0, "repetition_penalty": 1.0, "max_new_tokens": 256}


@dataclass(frozen=True)
class Place:
    """Where a model is."""

    name: str
    pointer: Mapping[str, Any]  # to the base
    adapter: Path | None  # what a stage left; None for the base, or a model that stands by itself
    tokenizer: Path
    settings: ModelSettings


@dataclass
class Speaker:
    """A loaded model in a conversation."""

    name: str
    model: Any
    tokenizer: Any
    options: Mapping[str, Any]  # DEFAULTS, or others of the same names
    system: str = ""
    said: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.renderer = Renderer(self.tokenizer)

    def answer(self, text: str, write: Write) -> str:
        """What the model says to a text; each piece is handed over as soon as it is whole letters.

        Raises:
            UserError: the text alone is longer than the model can see.
        """
        from transformers import GenerationConfig

        self.said.append({"role": "user", "content": text})
        ids = self._prompt()
        pieces = _Pieces(self.tokenizer, write, len(ids))
        self.model.generation_config = GenerationConfig()  # a base's own may ask for penalties
        self._write(ids, pieces)
        self.said.append({"role": "assistant", "content": pieces.text})
        return pieces.text

    def reset(self) -> None:
        """Forget what was said."""
        self.said.clear()

    def _write(self, ids: Sequence[int], pieces: "_Pieces") -> None:
        import torch
        from transformers import GenerationConfig

        config = GenerationConfig(
            **sampling(self.options),
            eos_token_id=self.renderer.stop_ids,
            pad_token_id=self.tokenizer.pad_token_id,
            use_cache=True,
        )
        tensor = torch.tensor([list(map(int, ids))], device=self.model.device)
        with torch.inference_mode():
            self.model.generate(
                input_ids=tensor, attention_mask=torch.ones_like(tensor), generation_config=config, streamer=pieces
            )

    def _prompt(self) -> Sequence[int]:
        """The conversation as ids; its oldest turns go where the model cannot see that far."""
        room = self.model.config.get_text_config().max_position_embeddings - int(self.options["max_new_tokens"])
        begins = [{"role": "system", "content": self.system}] if self.system else []
        while True:
            [ids] = self.renderer.prompts([[*begins, *self.said]])
            if len(ids) <= room:
                return [int(one) for one in ids]
            if len(self.said) == 1:
                self.said.clear()
                raise UserError(f"That is {len(ids)} tokens; {self.name} has room for {max(room, 0)}. Say less.")
            del self.said[:2]


class _Pieces:
    """As transformers hands over tokens: the prompt first, then one at a time."""

    def __init__(self, tokenizer: Any, write: Write, prompt: int):
        from tokenizers.decoders import DecodeStream

        self.backend, self.stream = tokenizer.backend_tokenizer, DecodeStream(skip_special_tokens=True)
        self.write, self.left, self.text = write, prompt, ""

    def put(self, value: Any) -> None:
        for token in value.reshape(-1).tolist():
            if self.left:
                self.left -= 1
            elif piece := self.stream.step(self.backend, token):
                self.text += piece
                self.write(piece)

    def end(self) -> None:
        """Nothing is held back but broken letters."""


def sampling(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as transformers takes them; at temperature 0 the most probable token is taken."""
    told = {name: options[name] for name in ("max_new_tokens", "repetition_penalty")}
    if options["temperature"] == 0:
        return {**told, "do_sample": False}
    drawn = {name: options[name] for name in ("temperature", "top_p", "top_k")}
    return {**told, **drawn, "do_sample": True}


def fingerprint(place: Place) -> str:
    """What a model is, wherever it lies: weights of the base and of what a stage left, how they are held, tokens."""
    from arabic_llm_pipeline.tokens.tokenizer import digests
    from arabic_llm_pipeline.training.models import about_base, weights_of

    return _short(
        [about_base(dict(place.pointer), place.settings), weights_of(place.adapter), digests(place.tokenizer)]
    )


def files_fingerprint(directory: Path) -> str:
    """Of the weights in a directory."""
    from arabic_llm_pipeline.training.models import weights_of

    return _short(weights_of(directory))


def _short(told: Any) -> str:
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:SHOWN]


def load(place: Place) -> tuple[Any, Any]:
    """A model, ready to speak, and its tokenizer.

    Raises:
        UserError: it is not there, or does not belong to its base.
    """
    from arabic_llm_pipeline.training.models import load_candidate

    model = load_candidate(dict(place.pointer), place.adapter, place.settings)
    return model, load_tokenizer(place.tokenizer)

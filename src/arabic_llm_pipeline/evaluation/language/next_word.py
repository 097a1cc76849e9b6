"""The next word: the most probable whole words after a text, and how often the true one is among them.

A word's probability is that of its tokens and of a border after them: any token that goes on with something else than
a letter, digit or mark, all of them together. The most probable are looked for by beam search (of transformers).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation.generation import numbers, only_numbers
from arabic_llm_pipeline.evaluation.language.words import WORD, Place, place_rows
from arabic_llm_pipeline.evaluation.perplexity import encode
from arabic_llm_pipeline.evaluation.portions import in_portions
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.tokens.chat import Renderer

RANKS = (1, 5)
PART = "\ufffd"  # REPLACEMENT CHARACTER: a token that holds part of a letter


def measure(
    model: Any, tokenizer: Any, renderer: Renderer, places: Sequence[Place], settings: LanguageSettings
) -> pl.DataFrame:
    """What is found at each place: document, start, word, guesses (most probable first), top_1, top_5.

    Args:
        model: the candidate.
        tokenizer: its own.
        renderer: of the tokenizer.
        places: of `words.next_words`; the model reads what is before the space before the word.
        settings: window, batch_size, words.
    """
    room = settings.window - settings.words.tokens - 1
    prompts = [ids[-room:] for ids in encode(renderer, [place.text[: place.start - 1] for place in places])]
    found = guesses(model, tokenizer, prompts, settings)
    return place_rows(places).with_columns(
        pl.Series("guesses", found, pl.List(pl.String)),
        *(pl.Series(f"top_{rank}", [place.word in guessed[:rank] for place, guessed in zip(places, found, strict=True)],
                    pl.Boolean) for rank in RANKS),
    )  # fmt: skip


def guesses(
    model: Any, tokenizer: Any, prompts: Sequence[NDArray[np.int64]], settings: LanguageSettings
) -> list[list[str]]:
    """The most probable words after each prompt, given that a space and a word come next; at most `beams`, distinct."""
    words = settings.words
    borders = _Borders(tokenizer, model)

    def work(batch: list[int]) -> list[list[str]]:
        with numbers(model, "Next words", [f"place {place + 1}" for place in batch for _ in range(words.beams)]):
            return borders.search(model, [prompts[place] for place in batch], words.beams, words.tokens)

    widths = [(len(prompt) + words.tokens + 1) * words.beams for prompt in prompts]
    size = max(1, settings.batch_size // words.beams)
    return in_portions(model, widths, work, size=size, kind="beams", label="Next words")


class _Borders:
    """Which tokens begin a word, go on with it, or end it."""

    def __init__(self, tokenizer: Any, model: Any):
        self.backend, self.device = tokenizer.backend_tokenizer, model.device
        self.size, self.stop = model.config.get_text_config().vocab_size, int(tokenizer.eos_token_id)
        anchor = tokenizer(".", add_special_tokens=False)["input_ids"][:1]  # alone, a token may lose its space
        known = min(self.size, len(tokenizer))
        alone, *behind = self.backend.decode_batch(
            [anchor, *([*anchor, token] for token in range(known))], skip_special_tokens=False
        )
        self.texts = [text.removeprefix(alone) for text in behind] + [""] * (self.size - known)

    def search(self, model: Any, prompts: Sequence[NDArray[np.int64]], beams: int, tokens: int) -> list[list[str]]:
        import torch
        from transformers import GenerationConfig

        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), self.stop, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.from_numpy(prompt.astype(np.int64))
            mask[row, width - len(prompt) :] = 1
        ids, mask = ids.to(self.device), mask.to(self.device)
        model.generation_config = GenerationConfig()
        config = GenerationConfig(
            num_beams=beams, num_return_sequences=beams, do_sample=False, length_penalty=0.0, early_stopping=False,
            max_new_tokens=tokens + 1, eos_token_id=self.stop, pad_token_id=self.stop, use_cache=True,
        )  # fmt: skip
        with torch.inference_mode():
            whole = model.generate(
                input_ids=ids, attention_mask=mask, generation_config=config, **self._read(model, ids, mask, beams),
                logits_processor=[only_numbers, self._merging(width)],
            )  # fmt: skip
        rows = whole[:, width:].cpu().numpy()
        return [self._words(rows[start : start + beams]) for start in range(0, len(rows), beams)]

    def _read(self, model: Any, ids: Any, mask: Any, beams: int) -> dict[str, Any]:
        """The prompts read once for all beams, but for their last token; nothing where a model keeps no such cache."""
        from transformers import DynamicCache, GenerationConfig

        once = GenerationConfig(
            max_new_tokens=1, do_sample=False, pad_token_id=self.stop, use_cache=True, return_dict_in_generate=True
        )
        read = model.generate(input_ids=ids[:, :-1], attention_mask=mask[:, :-1], generation_config=once)
        cache = read.past_key_values
        if not isinstance(cache, DynamicCache):
            return {}
        cache.batch_repeat_interleave(beams)
        return {"past_key_values": cache}

    def _merging(self, width: int) -> Any:
        """As `generate` wants it: log-probabilities with those of all borders on one, and none for what is no word."""
        import torch

        ends, begins, spaces = (torch.tensor(marks, device=self.device) for marks in self._kinds)

        def merge(ids: Any, scores: Any) -> Any:
            if ids.shape[1] == width:
                return scores.masked_fill(~begins, -torch.inf)
            ended = scores[:, ends].logsumexp(1)
            scores = scores.masked_fill(ends, -torch.inf)
            empty = spaces[ids[:, -1]] & (ids.shape[1] == width + 1)  # a space alone is no word yet
            scores[:, self.stop] = ended.masked_fill(empty, -torch.inf)
            return scores

        return merge

    @cached_property
    def _kinds(self) -> tuple[list[bool], list[bool], list[bool]]:
        """Tokens that end a word, tokens that begin one by a space, and spaces alone."""
        ends = [not (text and (text[0] == PART or WORD.match(text))) for text in self.texts]
        ends[self.stop] = True
        begins = [text == " " or (text[:1] == " " and _goes_on(text[1:])) for text in self.texts]
        return ends, begins, [text == " " for text in self.texts]

    def _words(self, rows: NDArray[np.int64]) -> list[str]:
        """What was found, without what did not come to its end; of a token that goes on into the next word its part."""
        found: dict[str, None] = {}
        for row in rows:
            ends = np.flatnonzero(row == self.stop)
            text = self._text(row[: ends[0]].tolist()).lstrip() if len(ends) else ""
            if (match := WORD.match(text)) and PART not in text:
                found[match[0]] = None
        return list(found)

    def _text(self, ids: list[int]) -> str:
        return str(self.backend.decode(ids, skip_special_tokens=False))


def _goes_on(text: str) -> bool:
    return bool(text) and (text[0] == PART or WORD.match(text) is not None)

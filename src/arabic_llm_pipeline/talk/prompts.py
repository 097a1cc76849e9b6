"""Answers to a file of prompts, in batches, going on where a run was killed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.progress import progress
from arabic_llm_pipeline.evaluation.generation import answered
from arabic_llm_pipeline.talk.best import BestOf
from arabic_llm_pipeline.talk.speaker import sampling
from arabic_llm_pipeline.tokens.chat import Renderer

Prompt = dict[str, Any]  # id, messages
LINE = "\n"  # and nothing else: splitlines would cut a text at the line separators of Unicode, too


def read_prompts(path: Path) -> list[Prompt]:
    """Prompts with their ids: a line each of a text, or JSON with `prompt` or `messages`, and `id` if it has one.

    Raises:
        UserError: there are none, or a line is not like that.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    lines = path.read_text(encoding="utf-8").split(LINE)
    found = [_read(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise UserError(f"{path} holds no prompt.")
    return found


def write_answers(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    path: Path,
    *,
    about: Mapping[str, Any],
    options: Mapping[str, Any],
    batch_size: int,
    seed: int,
    best: BestOf | None = None,
) -> None:
    """Append to a JSONL file the answers that are not in it yet: id, messages, answer, stopped, `about`, options.

    Of the best of several there are `score`, and `scores` of all of them, too.

    What is there of a batch that was not finished is written again; with the same seed a run in pieces gives what one
    in a piece gives.

    Args:
        model: ready to speak.
        tokenizer: its own.
        prompts: all of them.
        path: of the file.
        about: what the model is called and what it is, and the judge's likewise; they stand in each line.
        options: of sampling.
        batch_size: prompts at once.
        seed: of what is drawn.
        best: draws several answers and keeps one; None: one is drawn.

    Raises:
        UserError: the file holds answers to other prompts, of another model or of other options, or a prompt is too
            long.
    """
    told = {**about, "options": {**options, "batch_size": batch_size, "seed": seed}}
    done = _done(path, prompts, told, batch_size)
    renderer = Renderer(tokenizer)
    ids = renderer.prompts([prompt["messages"] for prompt in prompts])
    _check_lengths(model, prompts, ids, int(options["max_new_tokens"]))
    with path.open("a", encoding="utf-8") as out, progress("Answers", len(prompts)) as advance:
        advance(done)
        for start in range(done, len(prompts), batch_size):
            batch = slice(start, start + batch_size)
            _draw([seed, start])
            rows = _answers(model, tokenizer, renderer, ids[batch], sampling(options), best)
            texts = [{**prompt, **row, **told} for prompt, row in zip(prompts[batch], rows, strict=True)]
            out.write("".join(json.dumps(text, ensure_ascii=False) + "\n" for text in texts))
            out.flush()
            advance(len(texts))


def _draw(seed: Sequence[int]) -> None:
    import numpy as np
    import torch

    torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))


def _answers(
    model: Any, tokenizer: Any, renderer: Renderer, ids: Sequence[Any], how: dict[str, Any], best: BestOf | None
) -> list[dict[str, Any]]:
    length = how.pop("max_new_tokens")
    if best is None:
        rows = answered(model, tokenizer, ids, renderer.stop_ids, max_new_tokens=length, sampling=how)
        return [{"answer": row.text, "stopped": row.stopped} for row in rows]
    chosen = best.answers(model, tokenizer, ids, max_new_tokens=length, sampling=how)
    return [
        {"answer": one.answer.text, "stopped": one.answer.stopped, "score": one.score, "scores": one.scores}
        for one in chosen
    ]


def _read(path: Path, number: int, line: str) -> Prompt:
    if path.suffix not in {".jsonl", ".json"}:
        return {"id": str(number), "messages": [{"role": "user", "content": line.strip()}]}
    try:
        row = json.loads(line)
        messages = row.get("messages") or [{"role": "user", "content": row["prompt"]}]
        found = [{"role": str(said["role"]), "content": str(said["content"])} for said in messages]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}, line {number}: {type(error).__name__} ({error}). A line is JSON with prompt (a text) or messages "
            "(role and content each)."
        ) from None
    return {"id": str(row.get("id", number)), "messages": found}


def _done(path: Path, prompts: Sequence[Prompt], told: Mapping[str, Any], batch_size: int) -> int:
    """How many prompts are answered, in whole batches; the file ends there then."""
    if not path.is_file():
        return 0
    rows = list(_rows(path))
    whole = len(prompts) if len(rows) == len(prompts) else len(rows) // batch_size * batch_size
    for row, prompt in zip(rows, prompts, strict=False):
        if any(row.get(key) != value for key, value in {**prompt, **told}.items()):
            raise UserError(
                f"{path} holds answers to other prompts, of another model or with other options. Name another file, "
                "or remove it."
            )
    if len(rows) > len(prompts):
        raise UserError(f"{path} holds more answers than there are prompts. Name another file, or remove it.")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[:whole])
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
    return whole


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines; the last may be torn."""
    for line in path.read_text(encoding="utf-8", errors="replace").split(LINE):
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return


def _check_lengths(model: Any, prompts: Sequence[Prompt], ids: Sequence[Any], length: int) -> None:
    room = model.config.get_text_config().max_position_embeddings - length
    for prompt, tokens in zip(prompts, ids, strict=True):
        if len(tokens) > room:
            raise UserError(
                f"Prompt {prompt['id']} has {len(tokens)} tokens; with {length} for the answer there is room for "
                f"{max(room, 0)}. Shorten it, or lower --max-new-tokens."
            )

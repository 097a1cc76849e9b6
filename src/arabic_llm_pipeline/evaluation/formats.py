"""The ways to put a question to a model.

A base model has never seen the chat format, or not been taught it: scored in it alone, it looks worse than it is, and
training better. So it is asked in several formats, and scored in that which suits it best on development items.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.tokens.chat import Renderer

CHAT = "chat"
SHOTS = {"question_answer_3": 3}  # examples of the same family before the question
BARE = "bare"
QUESTION = "\u0633\u0624\u0627\u0644"  # "question", and below "answer", as such texts are headed in Arabic
ANSWER = "\u062c\u0648\u0627\u0628"
Examples = dict[str, list[tuple[str, str]]]  # family -> (id, question with its answer)


def ends_at_line(name: str) -> bool:
    """Whether an answer in this format is one line: plain text has no mark that ends a turn."""
    return name != CHAT


def prompts(name: str, items: pl.DataFrame, examples: Examples, renderer: Renderer) -> list[NDArray[Any]]:
    """Token ids of what comes before the answer to each item.

    Args:
        name: of the format.
        items: id, family, prompt.
        examples: from `examples`; formats that show some take those of the item's family, never the item itself.
        renderer: of the model's tokenizer.
    """
    if name == CHAT:
        return list(renderer.prompts(items["prompt"].to_list()))
    texts = [_text(name, row, examples) for row in items.select("id", "family", "prompt").iter_rows(named=True)]
    return [ids[:-1] for ids, _ in renderer.prose(texts)]  # without the end of text


def digest(prompts: Iterable[NDArray[Any]]) -> str:
    """A short digest of what a model was shown, token by token."""
    found = blake2b(digest_size=8)
    for ids in prompts:
        found.update(np.asarray(ids, np.int64).tobytes() + b"|")
    return found.hexdigest()


def examples(dev: pl.DataFrame, seed: int) -> Examples:
    """Development items with their answers, by family, in an order drawn by the seed."""
    found: Examples = {}
    order = np.random.default_rng(seed).permutation(len(dev))
    for row in dev[order].select("id", "family", "prompt", "answers").iter_rows(named=True):
        text = f"{_asked(row['prompt'])} {row['answers'][0]}"
        found.setdefault(row["family"], []).append((row["id"], text))
    return found


def question(prompt: Sequence[dict[str, str]]) -> str:
    """A conversation as plain text: its messages, one below the other."""
    return "\n".join(message["content"] for message in prompt)


def _text(name: str, row: dict[str, Any], examples: Examples) -> str:
    if name == BARE:
        return f"{question(row['prompt'])}\n"
    others = [text for id_, text in examples.get(row["family"], []) if id_ != row["id"]]
    return "\n\n".join([*others[: SHOTS.get(name, 0)], _asked(row["prompt"])])


def _asked(prompt: Sequence[dict[str, str]]) -> str:
    return f"{QUESTION}: {question(prompt)}\n{ANSWER}:"

"""Greedy answers against a loop that takes the most probable token, one by one."""

from typing import Any

import numpy as np
import pytest

from arabic_llm_pipeline.evaluation.formats import prompts
from arabic_llm_pipeline.evaluation.generation import Generated, generate
from arabic_llm_pipeline.tokens.chat import Renderer
from tests.evaluation.conftest import item, items


def slowly(model: Any, prompt: np.ndarray, length: int, stop: list[int]) -> list[int]:
    import torch

    ids = torch.from_numpy(prompt.astype(np.int64))[None]
    new: list[int] = []
    with torch.no_grad():
        while len(new) < length and not (new and new[-1] in stop):
            logits = model(ids).logits[0, -1]
            new.append(int(logits.argmax()))
            ids = torch.cat([ids, torch.tensor([[new[-1]]])], 1)
    return new


def ask(model: Any, tokenizer: Any, given: list[np.ndarray], **more: Any) -> list[Generated]:
    options = {"stop_ids": [1, 3], "stop_at_line": False, "max_new_tokens": 12, "batch_size": 64, "label": "test"}
    return generate(model, tokenizer, given, **(options | more))


@pytest.fixture(scope="module")
def given(tokenizer: Any) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [random.integers(4, len(tokenizer), length).astype(np.uint32) for length in (3, 17, 1, 9, 30, 9, 5)]


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_batches_give_what_a_loop_gives(model: Any, tokenizer: Any, given: list[np.ndarray], batch_size: int) -> None:
    expected = [slowly(model, prompt, 12, [1, 3]) for prompt in given]
    assert len({tuple(row) for row in expected}) == len(given)
    found = ask(model, tokenizer, given, batch_size=batch_size)
    assert [one.text for one in found] == [tokenizer.decode(row, skip_special_tokens=True) for row in expected]
    assert [one.stopped for one in found] == [row[-1] in {1, 3} for row in expected]


def test_an_answer_ends_at_its_end_token(model: Any, tokenizer: Any, given: list[np.ndarray]) -> None:
    """Tokens that the loop gives first are declared ends: what comes before them is the answer."""
    for place, prompt in enumerate(given):
        free = slowly(model, prompt, 12, [])
        stop = free[4]
        before = free[: free.index(stop)]
        found = ask(model, tokenizer, given, stop_ids=[stop])[place]
        assert found == Generated(tokenizer.decode(before, skip_special_tokens=True), True)


class Script:
    """A model that says what it is told to, after prompts of one token that names the line."""

    def __init__(self, tokenizer: Any, lines: list[str]):
        self.tokenizer, self.lines, self.device = tokenizer, lines, "cpu"

    def generate(self, input_ids: Any, stopping_criteria: Any, generation_config: Any, **_: Any) -> Any:
        import torch

        rows = [self.tokenizer(self.lines[int(row[-1])], add_special_tokens=False)["input_ids"] for row in input_ids]
        width, whole = max(map(len, rows)), input_ids
        done = torch.zeros(len(rows), dtype=torch.bool)
        for step in range(min(width, generation_config.max_new_tokens)):
            said = [row[step] if step < len(row) else 0 for row in rows]
            new = torch.tensor([0 if over else token for token, over in zip(said, done, strict=True)])
            whole = torch.cat([whole, new[:, None]], 1)
            for criterion in stopping_criteria:
                done |= criterion(whole, None)
            if done.all():
                break
        return whole


def test_plain_text_ends_with_its_first_line_that_is_not_empty(tokenizer: Any) -> None:
    lines = ["دمشق\nسؤال: ما", "\n\n بغداد\n\nسؤال", "تونس", "\n\n\n"]
    script = Script(tokenizer, lines)
    numbered = [np.array([number]) for number in range(len(lines))]
    found = ask(script, tokenizer, numbered, stop_at_line=True, max_new_tokens=64)
    assert [(one.text.strip(), one.stopped) for one in found] == [
        ("دمشق", True),
        ("بغداد", True),
        ("تونس", False),
        ("", False),
    ]


def test_the_models_own_generation_settings_do_not_count(model: Any, tokenizer: Any, given: list[np.ndarray]) -> None:
    """A chat model's may ask for sampling and for a penalty on repetition."""
    from transformers import GenerationConfig

    expected = ask(model, tokenizer, given)
    own = GenerationConfig(
        do_sample=True, temperature=3.0, repetition_penalty=9.0, no_repeat_ngram_size=1, max_length=5
    )
    before, model.generation_config = model.generation_config, own
    try:
        assert ask(model, tokenizer, given) == expected
    finally:
        model.generation_config = before


def test_a_format_writes_the_question_in_its_way(tokenizer: Any, renderer: Renderer) -> None:
    asked = items(item("i/1", "capital", "ما عاصمة مصر؟", "القاهرة"))
    shown = {"capital": [("i/1", "ممنوع"), ("i/2", "الأول"), ("i/3", "الثاني"), ("i/4", "الثالث"), ("i/5", "الرابع")]}
    written = {
        name: tokenizer.decode(prompts(name, asked, shown, renderer)[0])
        for name in ("chat", "question_answer", "question_answer_3", "bare")
    }
    plain = "سؤال: ما عاصمة مصر؟\nجواب:"
    assert written == {
        "chat": "<|im_start|>user\nما عاصمة مصر؟<|im_end|>\n<|im_start|>assistant\n",
        "question_answer": plain,
        "question_answer_3": f"الأول\n\nالثاني\n\nالثالث\n\n{plain}",
        "bare": "ما عاصمة مصر؟\n",
    }

"""Question answering, multiple choice, classification and translation: rows as instructions, or as items.

One row says what is asked, what may be chosen and what is right; the source's `use` decides what is made of it. Prompts
are the source's template, or those of task_prompts.tsv; both name the fields of the record: {question}, {choices}.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.corpus.labels import LABELS, chosen, label
from arabic_llm_pipeline.corpus.mapping import MISSING, about, belonging, field, filled, optional, required
from arabic_llm_pipeline.corpus.records import MANY, Record, RefusedError, message
from arabic_llm_pipeline.parameters.sources import SourceSettings

BETWEEN_CHOICES, BETWEEN_LABELS = "\n- ", alphabet.COMMA + " "
BACK = "-back"  # of the id of a translation's other direction
DIRECTION = "\u0645\u0646 {} \u0625\u0644\u0649 {}"  # "from ... to ...", the family of translations where none is named


@dataclass(frozen=True)
class Asked:
    """What a row asks, and what is right.

    Attributes:
        prompt: name of the prompt in task_prompts.tsv.
        parts: what stands for the places of the prompt.
        answers: every accepted one; none, where there is no answer.
        choices: what there is to choose from.
        label: position of the right choice.
        more: columns of the record that this task alone fills.
    """

    prompt: str
    parts: dict[str, str]
    answers: list[str]
    choices: list[str]
    label: int | None
    more: dict[str, Any]


@cache
def prompts() -> dict[str, str]:
    """The prompts by name."""
    text = (files("arabic_llm_pipeline.corpus") / "task_prompts.tsv").read_text(encoding="utf-8")
    return {name: prompt.replace("\\n", "\n") for name, prompt in (line.split("\t") for line in text.splitlines()[1:])}


def records(value: Any, source: SourceSettings) -> Iterator[Record]:
    """What a row of a source of tasks becomes.

    Raises:
        RefusedError: it lacks something, contradicts itself, or has no answer to train on.
    """
    make = _item if source.use == "evaluation" else _instruction
    for asked in ASKING[source.record](value, source):
        yield make(asked, value, source)


def _item(asked: Asked, value: Any, source: SourceSettings) -> Record:
    row = _common(asked, value, source) | belonging(value, source, source.record)
    if row["family"] == row["task"]:
        row["family"] = asked.more.get("direction") or row["task"]
    row |= {"question": asked.parts.get("question") or asked.parts.get("text"), "passage": asked.parts.get("context")}
    row |= {"prompt": _turns(asked, value, source), "answers": asked.answers}
    return Record("items", row | {"choices": asked.choices, "label": asked.label})


def _instruction(asked: Asked, value: Any, source: SourceSettings) -> Record:
    if not asked.answers:
        raise RefusedError("unanswerable")
    said = [*_turns(asked, value, source), message("assistant", asked.answers[0])]
    return Record("documents", _common(asked, value, source) | {"kind": "instruction", "messages": said})


def _common(asked: Asked, value: Any, source: SourceSettings) -> dict[str, Any]:
    row = about(value, source)
    back = asked.more.get("back") and row["id"]
    return row | {"lang": asked.more.get("lang", row["lang"]), "id": f"{row['id']}{BACK}" if back else row["id"]}


def _turns(asked: Asked, value: Any, source: SourceSettings) -> list[dict[str, str]]:
    columns = value if isinstance(value, dict) else {}
    text = filled({**columns, **asked.parts}, source.template or prompts()[asked.prompt])
    system = optional(value, source, "system")
    return [*([message("system", system)] if system else []), message("user", text)]


def _questions(value: Any, source: SourceSettings) -> Iterator[Asked]:
    """A question about a context or about nothing, and all the answers that are accepted."""
    parts = _question(value, source)
    answers = [] if _impossible(value, source) else _answers(value, source, parts.get("context"))
    if not answers and source.no_answer:
        answers = [source.no_answer]
    yield Asked(_with_context("question_answering", parts), parts, answers, [], None, {})


def _question(value: Any, source: SourceSettings) -> dict[str, str]:
    context = optional(value, source, "context")
    return {"question": required(value, source, "question")} | ({"context": context} if context else {})


def _with_context(name: str, parts: dict[str, str]) -> str:
    return f"{name}_context" if "context" in parts else name


def _impossible(value: Any, source: SourceSettings) -> bool:
    """Whether the row says that its context has no answer."""
    said = label(field(value, source, "impossible"))
    if said is not None and said not in LABELS:
        raise RefusedError("unknown_label")
    return said is not None and LABELS[said]


def _answers(value: Any, source: SourceSettings, context: str | None) -> list[str]:
    """The accepted answers, each once; an empty list is a question without one.

    Raises:
        RefusedError: an answer is blank, or has a place in the context and stands nowhere in it.
    """
    found = field(value, source, "answers")
    if found is MISSING:
        raise RefusedError("missing_column")
    answers = found if isinstance(found, list) else [found]
    if any(answer is not None and not isinstance(answer, str) for answer in answers):
        raise RefusedError("wrong_type")
    texts = [answer.strip() for answer in answers if answer and answer.strip()]
    if answers and not texts:
        raise RefusedError("empty_text")
    placed = "starts" in source.columns and field(value, source, "starts") not in (MISSING, None)
    if placed and any(text not in (context or "") for text in texts):
        raise RefusedError("answer_not_in_context")
    return list(dict.fromkeys(texts))


def _choices(value: Any, source: SourceSettings) -> Iterator[Asked]:
    """A question with its choices, of which one is right."""
    parts, (choices, right) = _question(value, source), chosen(value, source)
    if right is None:
        raise RefusedError("unknown_label")
    parts["choices"] = "".join(f"{BETWEEN_CHOICES}{choice}" for choice in choices).strip()
    yield Asked(_with_context("multiple_choice", parts), parts, [choices[right]], choices, right, {})


def _classes(value: Any, source: SourceSettings) -> Iterator[Asked]:
    """A text and the word for its class."""
    said = label(field(value, source, "label"))
    if said not in source.labels:
        raise RefusedError("unknown_label")
    words = list(dict.fromkeys(source.labels.values()))
    parts = {"text": required(value, source, "text"), "labels": BETWEEN_LABELS.join(words)}
    word = source.labels[said]
    yield Asked("classification", parts, [word], words, words.index(word), {})


def _translations(value: Any, source: SourceSettings) -> Iterator[Asked]:
    """A text and its translation, in one direction or in both."""
    texts = required(value, source, "text"), required(value, source, "translation")
    names = source.between or ("", "")
    for back in {"forward": [False], "backward": [True], "both": [False, True]}[source.direction]:
        (text, other), (name, into) = (texts[::-1], names[::-1]) if back else (texts, names)
        parts = {"text": text, "from": name, "to": into}
        direction = DIRECTION.format(name, into) if name else None
        more = {"back": back, "lang": MANY, "direction": direction}
        yield Asked("translation", parts, [other], [], None, more)


ASKING = {
    "question_answering": _questions,
    "multiple_choice": _choices,
    "classification": _classes,
    "translation": _translations,
}

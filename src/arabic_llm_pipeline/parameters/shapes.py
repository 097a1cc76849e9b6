"""What rows may become, the fields that each kind of record has, and the usual shapes of public data."""

from typing import Literal

Column = str | int
Use = Literal["training", "evaluation"]
RecordKind = Literal[
    "document", "instruction", "conversation", "pair", "feedback", "item",
    "question_answering", "multiple_choice", "classification", "translation",
]  # fmt: skip
Shape = Literal[
    "alpaca", "prompt_completion", "messages", "sharegpt", "preference", "feedback", "squad", "multiple_choice"
]

TASKS = ("question_answering", "multiple_choice", "classification", "translation")  # `use` says what they become
SHORT_ANSWER = "short_answer"  # the kind of items of record `item` without choices: there is one right answer, or few
FREE_ANSWERS = "free_answers"  # the kind of items of record `item` whose answers are texts to compare with
ITEM_KINDS = (*TASKS, SHORT_ANSWER, FREE_ANSWERS)
ABOUT = ("id", "dialect", "lang", "split", "system")
OF_TASK = ("task", "family")
FIELDS: dict[str, tuple[str, ...]] = {
    "document": (*ABOUT, "text", "title", "url"),
    "instruction": (*ABOUT, "instruction", "input", "output", "title", "url"),
    "conversation": (*ABOUT, "messages", "title", "url"),
    "pair": (*ABOUT, "prompt", "chosen", "rejected", "margin", "first", "second", "label"),
    "feedback": (*ABOUT, "prompt", "completion", "label"),
    "item": (*ABOUT, "kind", "question", "prompt", "choices", "answers", "label", "passage", *OF_TASK),
    "question_answering": (*ABOUT, "question", "context", "answers", "starts", "impossible", *OF_TASK),
    "multiple_choice": (*ABOUT, "question", "context", "choices", "label", *OF_TASK),
    "classification": (*ABOUT, "text", "label", *OF_TASK),
    "translation": (*ABOUT, "text", "translation", *OF_TASK),
}
NEEDED: dict[str, tuple[str, ...]] = {
    "document": ("text",),
    "instruction": ("instruction", "output"),
    "conversation": ("messages",),
    "pair": ("prompt",),
    "feedback": ("prompt", "completion", "label"),
    "item": ("prompt", "task"),
    "question_answering": ("question", "answers"),
    "multiple_choice": ("question", "choices", "label"),
    "classification": ("text", "label"),
    "translation": ("text", "translation"),
}
# What the usual shapes of fine-tuning data call their columns: Stanford Alpaca's, TRL's dataset formats, ShareGPT
# exports, SQuAD's. Texts may be lists of turns wherever TRL has them so ("conversational").
SHAPES: dict[str, tuple[RecordKind, dict[str, Column | list[Column]]]] = {
    "alpaca": ("instruction", {"instruction": "instruction", "input": "input", "output": "output", "system": "system"}),
    "prompt_completion": ("instruction", {"instruction": "prompt", "output": "completion"}),
    "messages": ("conversation", {"messages": "messages"}),
    "sharegpt": ("conversation", {"messages": "conversations", "system": "system"}),
    "preference": ("pair", {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}),
    "feedback": ("feedback", {"prompt": "prompt", "completion": "completion", "label": "label"}),
    "squad": (
        "question_answering",
        {
            "id": "id",
            "question": "question",
            "context": "context",
            "answers": "answers.text",
            "starts": "answers.answer_start",
            "impossible": "is_impossible",
        },
    ),
    "multiple_choice": ("multiple_choice", {"question": "question", "choices": "choices", "label": "answer"}),
}

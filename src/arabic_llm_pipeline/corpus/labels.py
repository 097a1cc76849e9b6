"""What labels mean: a value as a name, the right one of several choices, and the judgement of an answer."""

from math import isnan
from typing import Any

from arabic_llm_pipeline.arabic.alphabet import ALEF, ALEF_HAMZA_ABOVE, TATWEEL
from arabic_llm_pipeline.corpus.mapping import MISSING, field
from arabic_llm_pipeline.corpus.records import RefusedError
from arabic_llm_pipeline.parameters.sources import SourceSettings

ABJAD = "\u0623\u0628\u062c\u062f\u0647\u0648\u0632\u062d\u0637\u064a"  # the order in which Arabic lists are lettered
MODIFIERS = dict.fromkeys([0xFE0F, *range(0x1F3FB, 0x1F400)])  # how an emoji is drawn, and the colour of a hand
LABELS = {
    **dict.fromkeys(("true", "1", "+1", "yes", "y", "good", "like", "liked", "up", "upvote", "thumbs_up"), True),
    **dict.fromkeys(("thumbs up", "\N{THUMBS UP SIGN}", "positive", "chosen", "desirable"), True),
    **dict.fromkeys(("false", "0", "-1", "no", "n", "bad", "dislike", "disliked", "down", "downvote"), False),
    **dict.fromkeys(("thumbs_down", "thumbs down", "\N{THUMBS DOWN SIGN}", "negative", "rejected"), False),
    "undesirable": False,
}


def label(found: Any) -> str | None:
    """A label as the configuration names it: 1 and 1.0 are `1`, true is `true`; None where there is none.

    Raises:
        RefusedError: it is neither text, number nor truth value.
    """
    if found is None or found is MISSING:
        return None
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if not isinstance(found, str | int | float):
        raise RefusedError("wrong_type")
    return str(found).strip() or None


def good(value: Any, source: SourceSettings) -> bool:
    """Whether the label of a row says that the answer is good.

    Raises:
        RefusedError: it says nothing, or nothing that is known; or it is a rating between good and bad.
    """
    said = label(field(value, source, "label"))
    if said is None:
        raise RefusedError("missing_column" if field(value, source, "label") is MISSING else "unknown_label")
    if source.good_from is not None:
        return _rated(said, source.good_from, source.bad_to)
    if source.labels:
        meant = source.labels.get(said)
        found = None if meant is None else meant == "good"
    else:
        found = LABELS.get(said.casefold().translate(MODIFIERS))
    if found is None:
        raise RefusedError("unknown_label")
    return found


def _rated(said: str, good_from: float, bad_to: float | None) -> bool:
    try:
        rating = float(said)
    except ValueError:
        raise RefusedError("unknown_label") from None
    if isnan(rating):
        raise RefusedError("unknown_label")
    if bad_to is not None and bad_to < rating < good_from:
        raise RefusedError("neutral_rating")
    return rating >= good_from


def chosen(value: Any, source: SourceSettings) -> tuple[list[str], int | None]:
    """The choices of a row, and the position of the right one; None where no label says it.

    Raises:
        RefusedError: there is no such choice, or one is blank that others come after.
    """
    choices = texts(value, source, "choices")
    if "" in (kept := _without_end(choices)):
        raise RefusedError("empty_text")
    return kept, _position(label(field(value, source, "label")), kept, source.first_label)


def _without_end(choices: list[str]) -> list[str]:
    """Choices that a question does not have are blank, and come last."""
    last = max((place for place, choice in enumerate(choices) if choice), default=-1)
    return choices[: last + 1]


def texts(value: Any, source: SourceSettings, name: str) -> list[str]:
    """One text or several as a list, null as an empty one.

    Raises:
        RefusedError: the column is missing, or holds something else.
    """
    found = field(value, source, name)
    if found is MISSING:
        raise RefusedError("missing_column")
    values = list(found.values()) if isinstance(found, dict) else found if isinstance(found, list) else [found]
    if any(isinstance(one, bool | dict | list) for one in values):
        raise RefusedError("wrong_type")
    return ["" if one is None else str(one).strip() for one in values]


def _position(text: str | None, choices: list[str], first: str) -> int | None:
    """The position of the right choice, by its number, its letter, or its own text."""
    if text is None:
        return None
    position = _counted(text, first)
    if 0 <= position < len(choices):
        return position
    if text not in choices:
        raise RefusedError("unknown_label")
    return choices.index(text)


def _counted(text: str, first: str) -> int:
    """What place a number or letter has, counted from the first; -1: none."""
    if first.isdecimal():
        return int(text) - int(first) if text.isdecimal() else -1
    if first in (ALEF, ALEF_HAMZA_ABOVE):
        letter = ALEF_HAMZA_ABOVE if text == ALEF else text.removesuffix(TATWEEL)
        return ABJAD.find(letter) if len(letter) == 1 else -1
    return ord(text.upper()) - ord(first.upper()) if len(text) == 1 else -1

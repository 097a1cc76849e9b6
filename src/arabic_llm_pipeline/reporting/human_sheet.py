"""The sheet for raters as a page: it keeps what is filled in in the browser, and gives it back as CSV."""

import base64
import hashlib
from dataclasses import dataclass

from markupsafe import Markup

from arabic_llm_pipeline.evaluation.human.sheet import FIRST, PAIRS, SECOND, TIE, UNSURE, Sheet
from arabic_llm_pipeline.reporting.templating import environment

ZERO = ord("\N{ARABIC-INDIC DIGIT ZERO}")
UNSURE_SIGN = "\N{ARABIC QUESTION MARK}"


@dataclass(frozen=True)
class Axis:
    """What is asked: its name, the question, and what the ends of a scale mean; all in Arabic, but for the key."""

    key: str
    name: str
    question: str
    worst: str
    best: str


def render(sheet: Sheet) -> str:
    """The page, which needs nothing else; it tells nothing of whose answers these are."""
    made = environment()
    words = made.get_template("human_sheet_words.html").module
    script = Markup(made.get_template("human_sheet.js").render())
    pairs = sheet.settings.design == PAIRS
    return made.get_template("human_sheet.html").render(
        sheet=sheet,
        pairs=pairs,
        axes=[Axis(key, *words.AXES[key]) for key in sheet.settings.axes],  # type: ignore[attr-defined]
        choices=_choices(sheet, words.SPOKEN),  # type: ignore[attr-defined]
        most=arabic(sheet.settings.points),
        script=script,
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def arabic(number: int) -> str:
    """A number in the digits of Arabic."""
    return "".join(chr(ZERO + int(digit)) for digit in str(number))


def _choices(sheet: Sheet, spoken: dict[str, str]) -> list[tuple[str, str, str]]:
    """Value, what is written on it, and what is read aloud, of each choice; the last is not to judge."""
    if sheet.settings.design == PAIRS:
        found = [(value, spoken[value], spoken[f"{value}_long"]) for value in (FIRST, TIE, SECOND)]
    else:
        found = [(value, arabic(int(value)), value) for value in sheet.choices]
    return [*found, (UNSURE, UNSURE_SIGN, spoken[UNSURE])]

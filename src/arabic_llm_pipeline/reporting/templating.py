"""Templates filled with texts nobody has checked: escaped, and each running in its own direction."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")  # Unicode's Arabic blocks
JSON = re.compile(r"""\s*[\[{]\s*["']""")  # a raw record: its syntax runs from left to right
LETTER = re.compile(r"[^\W\d_]")


def environment() -> Environment:
    """The templates of this room; what is put into them is escaped."""
    made = Environment(
        loader=PackageLoader("arabic_llm_pipeline.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(say=say, direction=direction)
    return made


def direction(text: Any) -> Markup:
    """Attributes of an element that holds a text of the corpus: right to left, unless it is not mostly Arabic."""
    if JSON.match(str(text)):
        return Markup(' dir="ltr"')
    letters = LETTER.findall(str(text))
    arabic = sum(bool(ARABIC.match(letter)) for letter in letters)
    return Markup(' dir="rtl" lang="ar"') if 2 * arabic >= len(letters) else Markup(' dir="ltr"')


def say(text: Any) -> Markup:
    """A text among others: escaped, and Arabic in it kept from turning its neighbours around."""
    shown = "" if text is None else str(text)
    return Markup("<bdi{}>{}</bdi>").format(direction(shown), shown) if ARABIC.search(shown) else escape(shown)

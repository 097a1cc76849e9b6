"""The examples of docs/arabic.md are what the switches do."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from arabic_llm_pipeline.arabic.clean import TextPolicy, clean
from tests.arabic.reference import NOTHING

PAGE = Path(__file__).parents[2] / "docs/arabic.md"
ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| (.*) \| (.*) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))
VALUES = {"true": True, "false": False}
WITH = {
    "ligatures": {"presentation_forms": True},
    "urls": {"spaces": True},
    "emails": {"spaces": True},
    "other_scripts": {"spaces": True},
    "protect": {"tatweel": True},
}


def text(cell: str) -> str:
    """What a cell means: code in backticks as it stands, \\u and \\t as the characters."""
    return re.sub(r"\\u([0-9a-f]{4})|\\t", lambda found: chr(int(found[1], 16)) if found[1] else "\t", cell.strip("`"))


@pytest.mark.parametrize(("switch", "value", "before", "after"), ROWS)
def test_an_example(switch: str, value: str, before: str, after: str) -> None:
    policy = replace(NOTHING, **{switch: VALUES.get(value, value), **WITH.get(switch, {})})
    assert clean(text(before), policy) == text(after)


def test_every_switch_has_one() -> None:
    """But for those of the matching key, which are no parameters."""
    assert {row[0] for row in ROWS} == {field.name for field in fields(TextPolicy)} - {"punctuation", "case"}

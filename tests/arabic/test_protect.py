"""Code and maths stay to the byte: against a slow search of our own, and against a parser of CommonMark."""

import re
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from arabic_llm_pipeline.arabic import protect
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, NORMALIZED, TEXT, TextPolicy, clean, clean_series
from tests.arabic.test_clean import CHOICES

FENCE = re.compile(r"[ \t]*(?:(?P<back>`{3,})(?=[^`\n\r]*(?:[\n\r]|$))|(?P<tilde>~{3,}))")
PARAGRAPH_END = re.compile(
    rf"(?:\r\n|\n|\r(?!\n))(?=[ \t]*(?:[\n\r]|\Z)|{FENCE.pattern.replace('?P<back>', '').replace('?P<tilde>', '')})"
)
PIECES = [
    *("`", "``", "```", "~~~", "$", "$$", "\\", "\\(", "\\)", "\\[", "\\]", "\n", "\r\n", "\n\n", " ", "  ", "\t"),
    *("أ", "ـ", "x", "5", "٥", "\u200b", "&#96;", "<b>", "</b>", "<!--", "-->", "{{", "}}", "\ufffc", "http://a.b/"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)
MATHS = replace(TEXT, protect="code_and_maths", diacritics="strip", alif=True)


def slow(text: str, maths: bool) -> list[str]:
    """The spans of a text, each searched for anew."""
    found, i = [], 0
    while i < len(text):
        end = fenced(text, i) if i == 0 or text[i - 1] in "\n\r" else None
        end = end or inline(text, i, maths) or (i + 1 if text[i] == "\ufffc" else None)
        if end:
            found.append(text[i:end])
        i = end or i + skipped(text, i)
    return found


def skipped(text: str, i: int) -> int:
    """How far to go on from where nothing begins."""
    if text[i] in "`$":
        return len(re.compile(r"(.)\1*").match(text, i)[0])
    return 2 if text[i] == "\\" and text[i + 1 : i + 2].isascii() and i + 1 < len(text) else 1


def fenced(text: str, i: int) -> int | None:
    if not (opening := FENCE.match(text, i)):
        return None
    sign = opening["back"] or opening["tilde"]
    closing = re.compile(rf"[\n\r][ \t]*{sign[0]}{{{len(sign)},}}(?=[ \t]*(?:[\n\r]|\Z))").search(text, opening.end())
    return closing.end() if closing else len(text)


def inline(text: str, i: int, maths: bool) -> int | None:
    ending = PARAGRAPH_END.search(text, i)
    part = text[i : ending.start() if ending else len(text)]
    if text[i] == "`":
        sign = re.match("`+", part)[0]
        closing = re.compile(f"(?<!`){sign}(?!`)").search(part, len(sign))
        return i + closing.end() if closing and len(sign) < 64 else None
    if not maths:
        return None
    if match := re.match(r"\\\((?:[^\\]|\\[^)])*?\\\)|\\\[(?:[^\\]|\\[^\]])*?\\\]", part, re.DOTALL):
        return i + match.end()
    sign = re.match(r"\$*", part)[0]
    may_open = sign == "$" and re.match(r"\$\S", part) and not re.search(r"[a-zA-Z0-9٠-٩]\Z", text[:i])
    return i + closing_dollars(part, sign) if (sign == "$$" or may_open) and closing_dollars(part, sign) else None


def closing_dollars(part: str, sign: str) -> int | None:
    """Where a formula ends."""
    for token in re.compile(r"\\.|\$+|.", re.DOTALL).finditer(part, len(sign)):
        if sign == "$" and ("`" in token[0] or "\n" in token[0] or "\r" in token[0]):
            return None
        before, after = part[token.start() - 1], part[token.end() :]
        if token[0] == sign and (sign == "$$" or (before not in " \t" and not re.match("[0-9٠-٩]", after))):
            return token.end()
    return None


def found(text: str, maths: bool = True) -> list[str]:
    spans = protect.find(pl.Series([text]), maths)
    return [bytes(spans.column.data[first:last]).decode() for first, last in spans.places]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("اكتب `print(1)` أو ``a`b``", ["`print(1)`", "``a`b``"]),
        ("قبل\n```python\nx  = 1\n```\nبعد", ["```python\nx  = 1\n```"]),
        ("- بند\n    ~~~\n    x\n    ~~~\nبعد", ["    ~~~\n    x\n    ~~~"]),
        ("````\n```\n````", ["````\n```\n````"]),
        ("```\nبلا نهاية", ["```\nبلا نهاية"]),
        ("` وحيدة، ثم\n\nفقرة `", []),
        ("لتكن $x_1 = 2$ و$$\\frac{a}{b}$$", ["$x_1 = 2$", "$$\\frac{a}{b}$$"]),
        ("\\(a\\) و\\[b\n\\] ولا \\\\(c\\)", ["\\(a\\)", "\\[b\n\\]"]),
        ("ثمنه $5 أو 10$ أو $20", ["$5 أو 10$"]),
        ("ثمنه 5$ أو 10$، أي \\$3", []),
        ("بين $5 و$10 و$20", []),
        ("US$5 وCA$6", []),
        ("كائن \ufffc هنا", ["\ufffc"]),
    ],
)
def test_cases_by_hand(text: str, spans: list[str]) -> None:
    assert found(text) == spans == slow(text, True)


def test_maths_is_left_to_be_cleaned_where_only_code_is_meant() -> None:
    assert found("$x$ `y` \\(z\\)", maths=False) == ["`y`"]


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, maths=st.booleans())
def test_spans_are_those_of_a_slow_search(text: str, maths: bool) -> None:
    assert found(text, maths) == slow(text, maths)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["`", "``", "```", "~~~", "a", "b", "\n", "\n\n"]), max_size=16).map("".join))
def test_code_is_what_commonmark_says(text: str) -> None:
    """But for where a block stands within a list or a quotation, which the letters here cannot make."""
    expected = []
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence":
            expected.append(token.info + token.content)
        expected += [child.content for child in token.children or [] if child.type == "code_inline"]
    assert list(map(bare, found(text, maths=False))) == list(map(bare, expected))


def bare(code: str) -> str:
    """What is left of a span that a parser may trim."""
    return re.sub(r"[\s`~]", "", code)


@settings(max_examples=80, deadline=None)
@given(text=TEXTS, chosen=st.fixed_dictionaries({name: st.sampled_from(CHOICES[name]) for name in CHOICES}))
@example(text="<b>`أ`</b> <!-- `ـ` --> ـ", chosen={"protect": "code"})
@example(text="\\\u200b(ـ\\)", chosen={"protect": "code_and_maths"})
def test_no_switch_touches_a_span(text: str, chosen: dict[str, Any]) -> None:
    policy = replace(TextPolicy(**chosen), punctuation="keep")  # which is no switch of the parameters
    if policy.protect == "none":
        return
    done = clean(text, policy)
    assert clean(done, policy) == done
    left = iter(slow(done, policy.protect == "code_and_maths"))
    assert all(span in left for span in slow(text, policy.protect == "code_and_maths"))


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("أـ ّ<b>&;~x\u200d\n\ufffc"), max_size=20))
def test_without_their_signs_nothing_is_different(text: str) -> None:
    if "~~~" not in text:
        assert clean(text, MATHS) == clean(text, replace(MATHS, protect="none"))


def test_around_the_spans_the_text_is_cleaned() -> None:
    text = "إلى  **`أ  ب`** و<i>$x_{أُ}$</i> https://a.b/`ـ` [رابط](http://c.d)ـ"
    assert clean(text, MATHS) == "الى `أ  ب` و$x_{أُ}$ `ـ` رابط"


def test_a_column_with_nulls() -> None:
    texts = pl.Series("name", ["أـ", None, "`أـ` أـ", "$ أـ", "$أـ$"])
    done = clean_series(texts, replace(NORMALIZED, protect="code_and_maths"))
    assert done.name == "name"
    assert done.to_list() == ["ا", None, "`أـ` ا", "$ ا", "$أـ$"]
    assert clean_series(texts, MATCHING_KEY).to_list() == ["ا", None, "ا ا", "ا", "ا"]

"""The sheet as a browser gets it: whole, self-contained, escaped, and blind."""

import base64
import hashlib
import re

import polars as pl
import pytest

from arabic_llm_pipeline.evaluation.human import sheet
from arabic_llm_pipeline.evaluation.human.answers import of_candidates
from arabic_llm_pipeline.parameters.human import AXES, HumanSettings
from arabic_llm_pipeline.reporting import human_sheet
from tests.evaluation.test_human import answers, left, writings
from tests.reporting.test_page import HOSTILE, seen


def page(**changed) -> tuple[str, sheet.Sheet]:
    made, _ = sheet.make(answers(), HumanSettings(**changed), 0)
    return human_sheet.render(made), made


@pytest.mark.parametrize("design", ["scales", "pairs"])
def test_every_row_has_every_choice(design: str) -> None:
    html, made = page(design=design, items=0)
    values = [*made.choices, "?"]
    names = [(row.row, axis) for row in made.rows for axis in AXES]
    assert re.findall(r'type="radio" name="([^"]*)" value="([^"]*)"', html) == [
        (f"{row}-{axis}", value) for row, axis in names for value in values
    ]
    assert f'data-choices="{" ".join(made.choices)}"' in html
    assert f'<progress aria-label="ما مُلئ" value="0" max="{len(names)}">' in html
    assert html.count("<h3>الجواب") == sum(len(row.answers) for row in made.rows)


@pytest.mark.parametrize("design", ["scales", "pairs"])
def test_it_tells_nothing_of_whose_answers_these_are(design: str) -> None:
    html, made = page(design=design, items=0)
    assert not [word for word in ("sft", "dpo", ">base", "q01", "capitals") if word in html]
    assert made.name in html


def test_it_needs_nothing_else_and_runs_only_its_own_script() -> None:
    html, _ = page()
    assert not re.search(r"(?:src|href)=\"(?!#)|url\(|@import|https?://", html)
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html


def test_hostile_texts_are_shown_and_do_nothing() -> None:
    frames = {
        name: frame.with_columns(pl.lit(HOSTILE).alias("generated"), pl.lit(HOSTILE).alias("prompt"), answers=[HOSTILE])
        for name, frame in answers(2).items()
    }
    html = human_sheet.render(sheet.make(frames, HumanSettings(items=1), 0)[0])
    assert html.count("<script") == 1
    assert not seen(html).misnested
    assert sum(HOSTILE in text for text, _ in seen(html).texts) == 3 * 2 * len(frames)


def test_what_was_written_stands_on_page_and_form_with_its_passage_and_turns() -> None:
    frames = of_candidates(left(answers(), writings()), ["writing"])
    made, _ = sheet.make(frames, HumanSettings(items=0), 0)
    html, form = human_sheet.render(made), sheet.form(made)
    for text in ("يعيش الهامور في الخليج.\n\nترجم الجملة رقم 2.", "جواب: الشعري.\n\nسؤال: وغيره؟", "كتابة tfs 4"):
        assert text in html
        assert text in form
    without = re.search(r"ترجم الجملة رقم 3\.</div>\s*(<\S+)", html)
    assert without
    assert without[1] == "<div", "no reference, and none is promised"


def test_an_empty_answer_is_said_to_be_one() -> None:
    frames = {name: frame.with_columns(generated=pl.lit(" \n")) for name, frame in answers(1).items()}
    html = human_sheet.render(sheet.make(frames, HumanSettings(accepted=False), 0)[0])
    assert html.count("(لم يُكتب شيء)") == len(frames)
    assert "من الأجوبة الصحيحة" not in html


def test_numbers_in_arabic_digits() -> None:
    assert human_sheet.arabic(10) == "١٠"
    assert "من ١ وهو الأسوأ إلى ٧ وهو الأفضل" in page(points=7)[0]

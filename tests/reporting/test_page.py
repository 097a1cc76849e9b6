"""The page as a browser gets it: whole, self-contained, escaped, right to left where it should be."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline.reporting.templating import environment
from arabic_llm_pipeline.reporting.view import Block, Column, Table
from tests.reporting.made import page, provenance, settings
from tests.reporting.made_scores import answers, log

ARABIC = re.compile("[\u0600-\u06ff]")
LOADING = ("href", "src", "srcset", "action", "data", "poster", "background")
VOID = {"meta", "br", "link", "img", "input", "hr"}
HOSTILE = "<script>alert('1')</script>\"'&{{ 7*7 }}{% for %}$x_1$"
SECTIONS = [
    "summary", "data", "text", "tokens", "training", "scores", "language", "choices", "writing", "robustness",
    "speed", "samples", "resources", "limits", "run",
]  # fmt: skip


class Seen(HTMLParser):
    """What is in a page, and in which element with a direction each text stands."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.links: list[tuple[str, str, str]] = []
        self.styles: list[str] = []
        self.texts: list[tuple[str, str | None]] = []
        self.open: list[tuple[str, str | None]] = []
        self.misnested: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [(tag, name, given[name] or "") for name in LOADING if name in given]
        self.styles += [given["style"]] if given.get("style") else []
        if tag not in VOID:
            self.open.append((tag, given.get("dir") if tag != "html" else None))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            self.misnested.append(tag)
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            direction = next((direction for _, direction in reversed(self.open) if direction), None)
            inside = "style" if self.open and self.open[-1][0] == "style" else direction
            self.texts.append((data, inside))


def seen(text: str) -> Seen:
    parser = Seen()
    parser.feed(text)
    parser.close()
    return parser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return page(folder / "plain")


@pytest.fixture(scope="module")
def hostile(folder: Path) -> str:
    """The same page, made of names and texts that would break a page that trusts them."""
    rows = {
        f"{name}_answers": answers(name).with_columns(
            pl.lit(HOSTILE).alias(column) for column in ("generated", "prompt", "dialect")
        )
        for name in ("base", "sft", "sft_dpo")
    }
    funnel = [
        {
            "records": "documents", "step": step, "source": "web", "dialect": "MSA", "split": "train",
            "outcome": outcome, "reason": reason, "rows": 3, "words": 9, "characters": 40,
        }
        for step, outcome, reason in (("split", "kept", None), ("clean", "dropped", HOSTILE), ("ingest", "kept", None))
    ]  # fmt: skip
    changed = settings()
    changed["model"] = changed["model"].model_copy(update={"name": HOSTILE})
    base = {"name": HOSTILE, "files": {HOSTILE: HOSTILE}}
    where = provenance(HOSTILE)
    where["artifacts"][HOSTILE] = {"fingerprint": HOSTILE, "content": HOSTILE, "node": HOSTILE, "layer": HOSTILE}
    data = {"rows": 3, "sources": {HOSTILE: {"rows": 3, "share": 1.0}}}
    resources = {"sft_resources": {"device": HOSTILE, "seconds": 1.0, HOSTILE: HOSTILE, "data": data}}
    return page(folder / "hostile", funnel=funnel, base_model=base, provenance=where, **changed, **rows, **resources)


def test_every_section_is_there_under_its_heading(text: str) -> None:
    found = seen(text)
    assert [name for name in found.ids if name in SECTIONS] == SECTIONS
    assert {href for tag, _, href in found.links if tag == "a"} >= {f"#{name}" for name in SECTIONS}
    assert found.tags.count("h1") == 1
    assert found.tags.count("h2") == len(SECTIONS) + 1  # and the table of contents


def test_what_a_stage_was_trained_on(text: str) -> None:
    found = [words for words, _ in seen(text).texts]
    place = found.index("What sft was trained on, by source")
    assert found[place : place + 8][-3:] == ["chat", "2,060", "75.0%"]
    assert "Cut for their length" in found


def test_fertility_in_words(text: str) -> None:
    told = next(words for words, _ in seen(text).texts if words.startswith("By a sample of 40 texts"))
    assert "a word takes 2.00 tokens; 40.0% of the words are not split" in told
    assert "diacritics cost 3.00 times the tokens; 40.0% of the words that have any are torn" in told


def test_elements_are_nested_and_ids_unique(text: str) -> None:
    found = seen(text)
    assert found.misnested == []
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))


def test_nothing_is_fetched_and_every_reference_leads_somewhere(text: str) -> None:
    found = seen(text)
    targets = {href[1:] for _, _, href in found.links} | set(re.findall(r"url\(#([^)]+)\)", text))
    assert all(href.startswith("#") for _, _, href in found.links)
    assert targets <= set(found.ids)
    assert not {"script", "link", "iframe", "img", "object"} & set(found.tags)
    assert not re.search(r"url\((?!#)|@import", text)


@pytest.mark.parametrize("which", ["text", "hostile"])
def test_arabic_stands_in_an_element_with_a_direction(which: str, request: pytest.FixtureRequest) -> None:
    found = seen(request.getfixturevalue(which))
    arabic = [(data, direction) for data, direction in found.texts if ARABIC.search(data)]
    assert len(arabic) > 5
    assert [data for data, direction in arabic if direction is None] == []


def test_prompts_and_answers_run_from_right_to_left(text: str) -> None:
    for prompt in ("هات عكس هذه الكلمة.", "الأكبر هو 70.", "غرامات"):
        assert re.search(rf'<(p|li)[^>]* dir="rtl" lang="ar">[^<]*{re.escape(prompt)}', text), prompt
    assert re.search(r'<p dir="rtl" lang="ar">17</p>', text)


def test_hostile_texts_are_shown_and_do_nothing(hostile: str) -> None:
    found = seen(hostile)
    assert "script" not in found.tags
    assert found.misnested == []
    shown = [data for data, _ in found.texts if "<script>alert('1')</script>" in data]
    assert len(shown) > 40  # answers, prompts, reasons, base model, device, artifacts, experiment
    assert "{{ 7*7 }}" in hostile
    assert "\n49" not in hostile


def test_right_and_wrong_are_said_in_words(text: str) -> None:
    verdicts = re.findall(r'<p class="verdict">\S (\w[\w ]*)', text)
    assert {"right", "wrong"} <= set(verdicts)
    assert set(verdicts) <= {"right", "right but for spelling", "wrong"}


def test_every_figure_has_a_caption_and_its_numbers(text: str) -> None:
    figures = re.findall(r'<figure class="plot">(.*?)</details>\s*</figure>', text, flags=re.DOTALL)
    assert len(figures) == text.count('<figure class="plot">') > 15
    for figure in figures:
        assert re.search(r"<svg .*</svg>.*<figcaption>\S.*<details>.*<tbody>\s*<tr>", figure, flags=re.DOTALL)


def test_of_many_cards_the_first_stand_open(text: str) -> None:
    section = re.search(r'<section id="samples".*?</section>', text, flags=re.DOTALL)[0]
    shown, _, folded = section.partition("<details>")
    assert shown.count('<article class="card">') == Block.OPEN_CARDS
    rest = folded.count('<article class="card">')
    assert rest == int(re.search(r"<summary>(\d+) more</summary>", folded)[1]) > 0


@pytest.mark.parametrize(("rows", "folded"), [(Block.OPEN_ROWS, 0), (Block.OPEN_ROWS + 1, 1)])
def test_a_long_table_is_folded(rows: int, folded: int) -> None:
    table = Table("Of many rows", [Column("Name")], [[str(row)] for row in range(rows)], "Many rows")
    html = environment().get_template("parts.html").module.block(Block(tables=[table]))  # type: ignore[attr-defined]
    assert html.count("<summary>Many rows</summary>") == html.count("<details>") == folded
    assert html.count("<tr>") == rows + 1


def test_plots_take_the_colours_of_the_page(text: str) -> None:
    svgs = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    fixed = set(re.findall(r"#[0-9a-f]{6}\b", svgs))
    named = set(re.findall(r"var\(--(\w+)\)", svgs))
    assert fixed == set()
    light, dark = re.findall(r":root \{(.*?)\}", text, flags=re.DOTALL)[:2]
    for name in named:
        assert f"--{name}:" in light
        assert f"--{name}:" in dark


def test_no_folder_of_this_machine_is_named(text: str, folder: Path) -> None:
    assert str(folder) not in text
    assert str(Path.home()) + "/" not in text
    assert str(Path(__file__).parents[2]) not in text


def test_the_page_stays_small(text: str) -> None:
    assert len(text.encode()) < 5_000_000


def test_a_long_training_does_not_make_the_page_long(folder: Path, text: str) -> None:
    long = pl.concat([log("sft")] * 100).with_columns(step=pl.int_range(1, 30_001))
    grown = page(folder / "long", sft_log=long)
    assert len(grown) < 1.5 * len(text)
    assert "30,000" in grown


def test_same_inputs_same_bytes_in_another_process(tmp_path: Path, text: str) -> None:
    code = (
        "import pathlib, sys; from tests.reporting.made import page;"
        "sys.stdout.buffer.write(page(pathlib.Path(sys.argv[1]) / 'other').encode())"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, check=True)
    assert done.stdout.decode() == text

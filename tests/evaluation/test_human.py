"""Sheets for raters, filled ones read back, and what they say: against values worked out by hand."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.human import agreement, filled, scores, sheet
from arabic_llm_pipeline.evaluation.human.answers import of_candidates
from arabic_llm_pipeline.parameters.human import AXES, HumanSettings

NAMES = ["base", "sft", "sft_dpo"]
NAN = float("nan")
Rows = list[dict[str, str]]


def answers(count: int = 12) -> dict[str, pl.DataFrame]:
    """Items of two dialects; every third one is answered alike by sft and sft_dpo."""
    found = {}
    for name in NAMES:
        rows = [
            {
                "of": "exact",
                "item_id": f"q{number:02}",
                "family": "capitals",
                "dialect": None if number == 0 else ("MSA", "EGY")[number % 2],
                "prompt": f"ما عاصمة البلد {number}؟",
                "answers": ["القاهرة"],
                "generated": f"جواب {number}" if number % 3 == 0 and name != "base" else f"جواب {name[::-1]} {number}",
            }
            for number in range(count)
        ]
        found[name] = pl.DataFrame(rows)
    return found


def writings(count: int = 6) -> dict[str, pl.DataFrame]:
    """Answers as `evaluation.writing` leaves them: translations, a question on a passage, and a conversation."""
    found = {}
    for name in NAMES:
        rows = []
        for number in range(count):
            said = [{"role": "user", "content": f"ترجم الجملة رقم {number}."}]
            if number == 1:
                said = [
                    {"role": "user", "content": "اقترح سمكا."},
                    {"role": "assistant", "content": "الشعري."},
                    {"role": "user", "content": "وغيره؟"},
                ]
            passage = "يعيش الهامور في الخليج." if number == 2 else None
            about = {"measure": "translation", "set": "one", "id": f"one/{number}", "family": "en-ar", "dialect": "GLF"}
            answers = [] if number == 3 else ["مرجع"]
            rows.append(about | {"prompt": said, "passage": passage, "answers": answers, "stopped": True,
                                 "generated": f"كتابة {name[::-1]} {number}"})  # fmt: skip
        found[name] = pl.DataFrame(rows, schema_overrides={"answers": pl.List(pl.String)})
    return found


def left(exact: dict[str, pl.DataFrame], writing: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """By the names of the catalog."""
    return {f"{name}_{kind}": frames[name] for name in NAMES
            for kind, frames in (("answers", exact), ("writing_answers", writing))}  # fmt: skip


def written(text: str) -> Rows:
    return list(csv.DictReader(io.StringIO(text.removeprefix(sheet.BOM))))


def fill(made: sheet.Sheet, key: dict[str, Any], say: Any) -> Rows:
    """A form filled in by a program that knows the key: say(axis, names) for each cell."""
    of = {row["row"]: row for row in key["rows"]}
    rows = written(sheet.form(made))
    for row in rows:
        row |= {axis: say(axis, of[int(row["row"])]) for axis in key["axes"]}
    return rows


def put(path: Path, rows: Rows, delimiter: str = ",", encoding: str = "utf-8-sig") -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


@pytest.fixture
def scales() -> tuple[sheet.Sheet, dict[str, Any]]:
    return sheet.make(answers(), HumanSettings(items=4), 0)


@pytest.fixture
def pairs() -> tuple[sheet.Sheet, dict[str, Any]]:
    return sheet.make(answers(), HumanSettings(design="pairs", items=0), 0)


def test_every_answer_once_in_an_order_of_the_seed(scales: tuple[sheet.Sheet, dict[str, Any]]) -> None:
    made, key = scales
    asked = [(row["id"], *row["answers_of"]) for row in key["rows"]]
    assert len(asked) == len(set(asked)) == 9 * len(NAMES)  # 4 of two dialects, 1 of none
    assert {row["dialect"] for row in key["rows"]} == {"MSA", "EGY", "unknown"}
    assert [row.row for row in made.rows] == [row["row"] for row in key["rows"]] == list(range(1, 28))
    assert sheet.make(answers(), HumanSettings(items=4), 0) == scales
    other = sheet.make(answers(), HumanSettings(items=4), 1)[1]
    assert other["sheet"] != key["sheet"]
    assert [row["id"] for row in other["rows"]] != [row["id"] for row in key["rows"]]
    of = {(row["id"], row["answers_of"][0]): row["row"] for row in key["rows"]}
    texts = {name: dict(frame.select("item_id", "generated").rows()) for name, frame in answers().items()}
    assert all(made.rows[row - 1].answers == [texts[name][item]] for (item, name), row in of.items())


def test_what_was_written_is_judged_as_well() -> None:
    """Of each dialect of exact answers, and of each of what was written, so many; the page shows all that was asked."""
    made, key = sheet.make(of_candidates(left(answers(), writings()), ("exact", "writing")), HumanSettings(items=4), 0)
    ids = [row["id"] for row in key["rows"] if row["answers_of"] == ["sft"]]
    assert sum(id_.startswith("one/") for id_ in ids) == 4
    assert len(ids) == 9 + 4
    of = {(row["id"], row["answers_of"][0]): made.rows[row["row"] - 1] for row in key["rows"]}
    some = next(id_ for id_ in ids if id_.startswith("one/"))
    assert of[some, "sft"].answers == [f"كتابة tfs {some[-1]}"]


@pytest.mark.parametrize(("none", "kind"), [("exact", "writing"), ("writing", "exact")])
def test_one_kind_alone_is_enough(none: str, kind: str) -> None:
    """Of a run without items of the other kind its answers are a table without rows, or without columns."""
    exact = {name: frame.clear() for name, frame in answers().items()}
    entries = left(exact, writings()) if none == "exact" else left(answers(), dict.fromkeys(NAMES, pl.DataFrame()))
    for kinds in ([kind], ["exact", "writing"]):
        made, key = sheet.make(of_candidates(entries, kinds), HumanSettings(items=0), 0)
        assert len(made.rows) == len(key["rows"]) == len(NAMES) * (6 if kind == "writing" else 12)
    with pytest.raises(UserError, match=f"set human.of to kinds that were asked; it is {none}"):
        sheet.make(of_candidates(entries, [none]), HumanSettings(of=(none,)), 0)


def test_raters_see_all_that_was_asked() -> None:
    found = of_candidates(left(answers(), writings()), ["writing"])
    assert list(found) == NAMES
    prompts = dict(found["sft"].select("item_id", "prompt").rows())
    assert prompts["one/0"] == "ترجم الجملة رقم 0."
    assert prompts["one/1"] == "سؤال: اقترح سمكا.\n\nجواب: الشعري.\n\nسؤال: وغيره؟"
    assert prompts["one/2"] == "يعيش الهامور في الخليج.\n\nترجم الجملة رقم 2."


def test_the_form_tells_nothing_of_whose_answers_these_are(scales: tuple[sheet.Sheet, dict[str, Any]]) -> None:
    form = sheet.form(scales[0])
    assert form.startswith("\ufeff")
    assert not any(word in form for word in ("base", "sft", "q01", "capitals"))
    assert all(not row[axis] for row in written(form) for axis in AXES)


def test_a_spreadsheet_reads_no_formula() -> None:
    bad = {name: frame.with_columns(generated=pl.lit('=HYPERLINK("x")')) for name, frame in answers().items()}
    made, _ = sheet.make(bad, HumanSettings(items=1), 0)
    assert {row["answer"] for row in written(sheet.form(made))} == {'\'=HYPERLINK("x")'}


def test_pairs_are_turned_and_equal_answers_are_not_asked(pairs: tuple[sheet.Sheet, dict[str, Any]]) -> None:
    made, key = pairs
    assert len(key["rows"]) == 24
    equal = [row for row in key["rows"] if row["row"] is None]
    assert {row["id"] for row in equal} == {"q00", "q03", "q06", "q09"}
    assert all(set(row["answers_of"]) == {"sft", "sft_dpo"} for row in equal)
    orders = {tuple(row["answers_of"]) for row in key["rows"] if row["row"] is not None}
    assert orders == {("base", "sft"), ("sft", "base"), ("sft", "sft_dpo"), ("sft_dpo", "sft")}
    assert len(made.rows) == 20


def test_means_changes_and_intervals(scales: tuple[sheet.Sheet, dict[str, Any]], tmp_path: Path) -> None:
    made, key = scales
    points = {"base": "1", "sft": "4", "sft_dpo": "5"}
    first = fill(made, key, lambda _, row: points[row["answers_of"][0]])
    second = fill(made, key, lambda axis, row: "?" if axis == "dialect" else points[row["answers_of"][0]])
    ratings = filled.read([put(tmp_path / "one.csv", first), put(tmp_path / "two.csv", second)], key)
    found = scores.scores(ratings, key, 200, 0)
    whole = {(row["metric"], row["candidate"]): row for row in found.filter(by="all").to_dicts()}
    assert {name: whole["fluency", name]["value"] for name in NAMES} == {"base": 1.0, "sft": 4.0, "sft_dpo": 5.0}
    assert whole["fluency", "sft"]["items"] == 9
    assert whole["fluency", "sft"]["raters"] == 2
    changes = {
        (name, row["against"]): row["value"] for (metric, name), row in whole.items() if metric == "fluency_change"
    }
    assert changes == {("sft", "base"): 3.0, ("sft_dpo", "sft"): 1.0}
    assert whole["fluency_change", "sft"]["p"] == pytest.approx(2 / 201)
    assert whole["fluency_change", "sft"]["p_holm"] == pytest.approx(8 * 2 / 201)
    assert whole["fluency_alpha", None]["value"] == 1.0
    assert whole["dialect_alpha", None]["why"] == "no answer was judged by two raters"
    assert whole["dialect_not_judged", None]["value"] == 0.5
    by_dialect = found.filter(by="dialect", metric="fluency", candidate="sft")
    assert dict(by_dialect.select("group", "items").rows()) == {"EGY": 4, "MSA": 4, "unknown": 1}
    said = list(scores.lines(found))
    assert "fluency_change (sft over base): 3.00 [3.00, 3.00], 9 items, p = 0.080 (Holm)" in said
    assert "dialect_alpha (raters): no answer was judged by two raters" in said


def test_preference_whatever_side_the_candidate_stands_on(
    pairs: tuple[sheet.Sheet, dict[str, Any]], tmp_path: Path
) -> None:
    made, key = pairs
    order = {"base": 0, "sft": 1, "sft_dpo": 2}

    def better(_: str, row: dict[str, Any]) -> str:
        a, b = (order[name] for name in row["answers_of"])
        return "b" if b > a else "a"

    rows = [put(tmp_path / f"{name}.csv", fill(made, key, better)) for name in ("one", "two")]
    rows.append(put(tmp_path / "three.csv", fill(made, key, lambda *_: "tie")))
    found = scores.scores(filled.read(rows, key), key, 200, 0).filter(by="all", metric="fluency_preferred")
    value = {(row["candidate"], row["against"]): row["value"] for row in found.to_dicts()}
    mean = (1 + 1 + 0.5) / 3
    assert value["sft", "base"] == pytest.approx(mean)
    assert value["sft_dpo", "sft"] == pytest.approx((8 * mean + 4 * 0.5) / 12), "equal answers are ties"
    ratings = scores.judged(filled.read(rows[:1], key), key)
    assert set(ratings["value"]) == {1.0}


def test_alpha_of_the_literature() -> None:
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units."""
    said = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
    found = agreement.alpha(*agreement.counts(np.array(said)))
    assert found == pytest.approx(0.815, abs=5e-4)
    low, high = agreement.interval(*agreement.counts(np.array(said)), 200, 0) or (NAN, NAN)
    assert low < 0.815 < high <= 1


@pytest.mark.parametrize(
    "said", [[[1.0, 2.0, 3.0]], [[1.0, NAN], [NAN, 2.0]], [[3.0, 3.0], [3.0, 3.0]], [[NAN, NAN], [NAN, NAN]]]
)
def test_alpha_that_is_not_defined(said: list[list[float]]) -> None:
    found = agreement.counts(np.array(said))
    assert agreement.alpha(*found) is None
    assert agreement.interval(*found, 100, 0) is None


def test_alpha_of_raters_by_chance_is_near_nought() -> None:
    values = np.random.default_rng(0).integers(1, 6, size=(3, 400)).astype(float)
    assert abs(agreement.alpha(*agreement.counts(values)) or NAN) < 0.1


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")])
def test_as_spreadsheets_write(
    scales: tuple[sheet.Sheet, dict[str, Any]], tmp_path: Path, delimiter: str, encoding: str
) -> None:
    made, key = scales
    cells = iter(["٤", "4.0", " 4 ", "؟", "?"] * 40)
    rows = fill(made, key, lambda *_: next(cells))
    found = filled.read([put(tmp_path / "a.csv", rows, delimiter, encoding)], key)
    assert len(found) == 27 * 4
    assert set(found["said"]) == {"4", "?"}
    assert set(found["value"]) == {4.0, None}
    assert set(found["rater"]) == {"a"}


def spoilt(rows: Rows, how: str) -> Rows:
    if how == "sheet":
        return [row | {"sheet": "s0"} for row in rows]
    if how == "column":
        return [{name: cell for name, cell in row.items() if name != "fluency"} for row in rows]
    if how == "value":
        return [rows[0] | {"fluency": "6"}, *rows[1:]]
    if how == "empty":
        return [rows[0] | {"fluency": " ", "dialect": ""}, *rows[1:]]
    if how == "twice":
        return [*rows, rows[0]]
    if how == "unknown":
        return [rows[0] | {"row": "99"}, *rows[1:]]
    return rows[2:]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("sheet", "it is of sheet s0, and not of s"),
        ("column", "no column fluency; it has sheet, row, prompt"),
        ("value", "1 value that is none of 1 2 3 4 5 ?: row 1 fluency '6'"),
        ("empty", "2 cells not filled in: row 1 fluency, row 1 dialect; fill them in, or set human.partial=true"),
        ("twice", "1 row there more than once: 1"),
        ("unknown", "1 row that the sheet does not have: 99"),
        ("lost", "2 rows of the sheet missing: 1, 2"),
    ],
)
def test_a_wrong_sheet_is_told(scales: tuple[sheet.Sheet, dict[str, Any]], tmp_path: Path, how: str, told: str) -> None:
    made, key = scales
    path = put(tmp_path / "hana.csv", spoilt(fill(made, key, lambda *_: "3"), how))
    with pytest.raises(UserError) as error:
        filled.read([path], key)
    assert f"hana.csv: {told}" in str(error.value)


def test_half_filled_sheets_count_where_that_is_asked_for(
    scales: tuple[sheet.Sheet, dict[str, Any]], tmp_path: Path
) -> None:
    made, key = scales
    path = put(tmp_path / "a.csv", spoilt(fill(made, key, lambda *_: "3"), "empty"))
    found = filled.read([path], key, partial=True)
    assert found["value"].null_count() == 2
    assert scores.scores(found, key, 100, 0).filter(by="all", metric="fluency")["items"].sum() == 26


def test_other_bad_input(scales: tuple[sheet.Sheet, dict[str, Any]], tmp_path: Path) -> None:
    made, key = scales
    rows = fill(made, key, lambda *_: "3")
    one = put(tmp_path / "one.csv", [row | {"rater": "هناء"} for row in rows])
    two = put(tmp_path / "two.csv", [row | {"rater": "هناء"} for row in rows])
    with pytest.raises(UserError, match="another sheet of the rater"):
        filled.read([one, two], key)
    mixed = put(tmp_path / "mixed.csv", [rows[0] | {"rater": "a"}, *(row | {"rater": "b"} for row in rows[1:])])
    with pytest.raises(UserError, match=r"several raters \(a, b\)"):
        filled.read([mixed], key)
    (tmp_path / "old.csv").write_bytes("ورقة".encode("cp1256"))
    with pytest.raises(UserError, match=r"old\.csv: no CSV in UTF-8"):
        filled.read([tmp_path / "old.csv"], key)
    (tmp_path / "none.csv").write_text("")
    with pytest.raises(UserError, match=r"none\.csv: no column sheet, row"):
        filled.read([tmp_path / "none.csv"], key)
    with pytest.raises(UserError, match=r"set human\.filled"):
        filled.read([], key)
    with pytest.raises(UserError, match="No item has an answer"):
        sheet.make({name: frame.clear() for name, frame in answers().items()}, HumanSettings(), 0)
    with pytest.raises(UserError, match="one candidate only"):
        sheet.make({"base": answers()["base"]}, HumanSettings(design="pairs"), 0)
    alike = dict.fromkeys(NAMES, answers()["base"])
    with pytest.raises(UserError, match="alike"):
        sheet.make(alike, HumanSettings(design="pairs"), 0)

import polars as pl
import pytest

from arabic_llm_pipeline.arabic.clean import NORMALIZED, TextPolicy, clean
from arabic_llm_pipeline.arabic.sentences import split_sentences
from arabic_llm_pipeline.corpus.cleaning import Cleaning, text_policy
from arabic_llm_pipeline.corpus.records import SCHEMAS, message
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import document, instruction, item, pair, shards

DIRTY = "<b>الكتـــاب</b> ﻻ يُقرأ   على http://x.y عجل؟ نعم."


def cleaned(tmp_path, table, *rows, text=None, **filters):
    frame = shards(tmp_path, table, *rows).scan()
    found = Cleaning(table, TextSettings(**(text or {})), FilterSettings(**filters))(frame, 0).collect()
    assert found.schema == SCHEMAS[table]
    assert found["id"].to_list() == [row["id"] for row in rows]
    return found


def test_text_measures_and_tag(tmp_path):
    row = cleaned(tmp_path, "documents", document("1", DIRTY, title="كتـاب")).row(0, named=True)
    text = clean(DIRTY, TextPolicy())
    assert row["messages"] == [message("document", text)]
    assert "ـ" not in text
    assert row["title"] == "كتاب"
    assert row["quality"]["characters"] == len(text)
    assert row["quality"]["words"] == len(text.split())
    assert row["quality"]["sentences"] == len(split_sentences(text)) == 2
    assert row["quality"]["arabic_ratio"] == 1
    assert row["quality"]["alif_ya_merges"] == 2  # one Alif with Hamza, one Alif Maqsura
    assert row["dialect"] in SCHEMAS or row["dialect"] in {"MSA", "EGY", "GLF", "LEV", "MGR", "unknown"}
    assert row["reason"] is None


def test_a_dialect_that_the_source_brings_wins(tmp_path):
    rows = [document("1", DIRTY, dialect="GLF", dialect_score=1.0), document("2", "إزيك يا باشا، عامل إيه النهارده؟")]
    found = cleaned(tmp_path, "documents", *rows)
    assert found["dialect"].to_list() == ["GLF", "EGY"]
    assert found["dialect_score"][0] == 1
    assert 0 < found["dialect_score"][1] <= 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (document("1", "<br> \u200f\u200b"), "empty"),
        (document("1", "كلمة أخرى"), "too_short"),
        (instruction("1", "نعم؟", "نعم"), None),
        (instruction("1", "سؤال طويل له جواب", "<p></p>"), "empty"),
        (document("1", "نص " * 100), "too_long"),
        (document("1", "هذا text that is English for the most part"), "little_arabic"),
        (document("1", "12 34 56"), "little_arabic"),
        (document("1", "هذا نص عربي فيه word"), None),
    ],
)
def test_reasons_for_documents(tmp_path, row, reason):
    assert cleaned(tmp_path, "documents", row, max_characters=200)["reason"].to_list() == [reason]


def test_limits_are_parameters(tmp_path):
    row = document("1", "hello world كلمة")
    assert cleaned(tmp_path, "documents", row, min_arabic_ratio=0.0)["reason"].to_list() == [None]
    assert cleaned(tmp_path, "documents", row, min_arabic_ratio=0.0, min_words=4)["reason"].to_list() == ["too_short"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (pair("1", "سؤال؟", "جواب", "جواب آخر"), None),
        (pair("1", "سؤال؟", "جواب", "<i>جواب</i>"), "equal_answers"),
        (pair("1", "سؤال؟", "جواب", "<i></i>"), "empty"),
        (pair("1", "why?", "because", "لا"), "little_arabic"),
        (pair("1", "س" * 150, "ج" * 30, "د" * 30), "too_long"),
    ],
)
def test_reasons_for_pairs(tmp_path, row, reason):
    assert cleaned(tmp_path, "pairs", row, max_characters=200)["reason"].to_list() == [reason]


def test_items(tmp_path):
    rows = [
        item(
            "1",
            "كم <b>كتابا</b>؟",
            "كتـاب",
            choices=["كتـاب", "2"],
            label=0,
            passage="فقـرة",
            question="كم <b>كتابا</b>؟",
        ),
        item("2", "what?", "x"),
        item("3", "ماذا؟", "<br>"),
        item("4", "س" * 201, "x"),
    ]
    found = cleaned(tmp_path, "items", *rows, max_characters=200)
    assert found["reason"].to_list() == [None, None, "empty", "too_long"]
    assert found["value"].to_list() == [None, None, None, 201]
    first = found.row(0, named=True)
    assert (first["answers"], first["choices"], first["passage"]) == (["كتاب"], ["كتاب", "2"], "فقرة")
    assert first["prompt"] == [message("user", "كم كتابا؟")]
    assert first["question"] == "كم كتابا؟"


def test_the_policy_has_every_switch():
    settings = TextSettings(alif=True, ya=True, diacritics="strip", digits="western", urls="keep")
    policy = text_policy(settings)
    assert (policy.alif, policy.ya, policy.diacritics, policy.digits, policy.urls) == (
        True,
        True,
        "strip",
        "western",
        "keep",
    )
    assert text_policy(TextSettings()) == TextPolicy()
    assert text_policy(TextSettings(taught="text_normalized")) == NORMALIZED


def test_the_unified_text_is_taught_where_it_is_asked_for(tmp_path):
    rows = [document("1", "إلى المدرسةِ أولا"), instruction("2", "إلى أين؟", "إلى `أ` أُخرى")]
    found = cleaned(tmp_path, "documents", *rows, text={"taught": "text_normalized"})
    assert [[turn["content"] for turn in turns] for turns in found["messages"].to_list()] == [
        ["الي المدرسة اولا"],
        ["الي اين؟", "الي `أ` اخري"],
    ]


def test_an_empty_table(tmp_path):
    for table in ("documents", "pairs", "items"):
        frame = shards(tmp_path / table, table).scan()
        assert (
            Cleaning(table, TextSettings(), FilterSettings())(frame, 0)
            .collect()
            .equals(pl.DataFrame(schema=SCHEMAS[table]))
        )


def test_code_and_maths_are_kept_in_turns_and_not_in_prose(tmp_path):
    dirty = "الدالة `<b>أ  ـ</b>` و$x_{ـ}$ إلـى"
    rows = [instruction("1", dirty, dirty), document("2", dirty)]
    first, second = cleaned(tmp_path / "documents", "documents", *rows)["messages"].to_list()
    kept = "الدالة `<b>أ  ـ</b>` و$x_{ـ}$ إلى"
    assert [turn["content"] for turn in first] == [kept, kept]
    assert [turn["content"] for turn in second] == ["الدالة `أ ` و$x_{}$ إلى"]
    found = cleaned(tmp_path / "pairs", "pairs", pair("1", dirty, dirty, "لا"), text={"protect": "code"})
    only_code = "الدالة `<b>أ  ـ</b>` و$x_{}$ إلى"
    assert (found["prompt"][0][0]["content"], found["chosen"][0]) == (only_code, only_code)
    found = cleaned(tmp_path / "items", "items", item("1", dirty, dirty, passage=dirty))
    assert (found["answers"][0][0], found["passage"][0]) == (kept, "الدالة `أ ` و$x_{}$ إلى")


@pytest.mark.parametrize(("keep", "reasons"), [(False, ["little_arabic"] * 2), (True, [None, "little_arabic"])])
def test_arabizi_is_tagged_left_alone_and_stays_by_choice(tmp_path, keep, reasons):
    arabizi, english = "ana msh 3aref a3mel eh, wallahi", "I do not know what to do, really"
    found = cleaned(
        tmp_path / "d",
        "documents",
        document("1", arabizi),
        document("2", english),
        text={"digits": "arabic_indic"},
        keep_arabizi=keep,
    )
    assert found["script"].to_list() == ["arabizi", "latin"]
    assert found["messages"][0][0]["content"] == arabizi
    assert found["reason"].to_list() == reasons
    found = cleaned(tmp_path / "p", "pairs", pair("1", arabizi, arabizi, "la2"), keep_arabizi=keep)
    assert (found["script"].to_list(), found["reason"].to_list()) == (["arabizi"], reasons[:1])


def test_script_is_that_of_what_is_no_code(tmp_path):
    code = "```python\nfor name in names:\n    print(name, len(name), name.upper())\n```"
    row = instruction("1", "اكتب دالة تطبع الأسماء", f"هذه هي الدالة:\n{code}")
    assert cleaned(tmp_path / "1", "documents", row, min_arabic_ratio=0.0)["script"].to_list() == ["arabic"]
    found = cleaned(tmp_path / "2", "documents", row, text={"protect": "none"}, min_arabic_ratio=0.0)
    assert found["script"].to_list() == ["mixed"]
    assert cleaned(tmp_path / "3", "items", item("1", "كم؟", "2"))["script"].to_list() == ["arabic"]


def test_paragraphs_in_latin_letters_are_cut_where_asked_for(tmp_path):
    prose = "مقال عن مدينة Cairo القديمة.\n\nSmith, J., A Long History of Cairo, London 1902.\n\nA B C\n\nخاتمة المقال."
    english = "This is an article that nobody has ever translated."
    rows = [document("1", prose), document("2", english), instruction("3", "ترجم هذا", english)]

    def texts(where, **filters):
        step = Cleaning("documents", TextSettings(), FilterSettings(min_arabic_ratio=0, **filters))
        found = step(shards(where, "documents", *rows).scan(), 0).collect()
        return found["messages"].list.last().struct.field("content").to_list()

    assert texts(tmp_path / "keep") == [prose, english, english]
    cut = "مقال عن مدينة Cairo القديمة.\n\nA B C\n\nخاتمة المقال."
    assert texts(tmp_path / "cut", foreign_paragraphs="cut") == [cut, english, english]
    for table, row in (("pairs", pair("1", english, english, "لا")), ("items", item("1", english, english))):
        kept = cleaned(tmp_path / table, table, row, min_arabic_ratio=0.0, foreign_paragraphs="cut")
        assert kept["prompt"][0][0]["content"] == english


def test_an_address_that_is_kept_is_no_latin_text(tmp_path):
    rows = [
        document("1", "خبر اليوم كله https://www.example.org/a/very/long/path"),
        document("2", "اسم and some english words"),
    ]
    step = Cleaning("documents", TextSettings(urls="keep"), FilterSettings())
    assert step(shards(tmp_path, "documents", *rows).scan(), 0).collect()["reason"].to_list() == [None, "little_arabic"]
    asked = [pair("1", "أين؟", "هنا https://www.example.org/a/very/long/path", "لا")]
    step = Cleaning("pairs", TextSettings(urls="keep"), FilterSettings())
    assert step(shards(tmp_path / "p", "pairs", *asked).scan(), 0).collect()["reason"].to_list() == [None]

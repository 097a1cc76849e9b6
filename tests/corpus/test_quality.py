"""Rules of quality: what goes, for which reason, by which value."""

import polars as pl
import pytest

from arabic_llm_pipeline.corpus import quality, quality_table
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.corpus.records import SCHEMAS
from arabic_llm_pipeline.corpus.shards import ShardSet, map_shards
from arabic_llm_pipeline.parameters.quality import AnswerLimits, DialectsLimits, ProseLimits, QualitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import document, instruction, pair, shards

WORDS = [f"{first}{second}{third}" for first in "بتثجحخ" for second in "درسشصض" for third in "فقكلمن"]
LONG = "\n".join(" ".join(WORDS[place : place + 5]) + "." for place in range(0, 150, 5))
GOOD = "\n".join(" ".join(WORDS[place : place + 12]) + "." for place in range(0, 120, 12))


def cleaned(tmp_path, table, *rows, filters=None, **fields):
    frame = shards(tmp_path, table, *rows).scan()
    step = Cleaning(table, TextSettings(), FilterSettings(**(filters or {})), quality=QualitySettings(**fields))
    found = step(frame, 0).collect()
    assert found.schema == SCHEMAS[table]
    return found.select("reason", "value").rows()


def test_good_prose_stays(tmp_path):
    assert cleaned(tmp_path, "documents", document("1", GOOD), rules="web") == [(None, None)]


@pytest.mark.parametrize(
    ("text", "reason", "value"),
    [
        ("كلمات قليلة في سطر واحد.", "few_words", 5),
        (" ".join("ابتثجحخدر"[n % 9] for n in range(60)) + ".", "short_words", 1),
        (" ".join(word * 4 for word in WORDS[:60]) + ".", "long_words", 12),
        (GOOD.replace(".", " # # # #"), "symbols", 0.25),
        (GOOD.replace(" ", " 12 "), "few_letters", None),
        (GOOD.replace(".", "..."), None, None),
        ("\n".join(f"- {line}" for line in GOOD.splitlines()), None, None),
        (GOOD + "\n" + GOOD, "duplicate_lines", 0.5),
        (GOOD.replace(".", "", 9), None, None),
        (LONG.replace(".", "", 29), "line_punctuation", 0.033),
        (GOOD.replace(".", ""), None, None),
        (GOOD.replace(".", "").replace(" ", "\n\n"), "new_lines", None),
        (GOOD + " " + " ".join(GOOD.split()[:55]), "duplicate_5grams", None),
        (" ".join(f"{word} قال لي" for word in WORDS[:60]) + ".", "top_2grams", None),
    ],
)
def test_each_rule_says_its_reason_and_value(tmp_path, text, reason, value):
    [(found, by)] = cleaned(tmp_path, "documents", document("1", text), rules="web", by_dialect=False)
    assert found == reason
    assert (by is None) == (reason is None)
    if value is not None:
        assert by == pytest.approx(value, abs=0.01)


def test_an_encyclopedia_has_stubs_lists_and_headings(tmp_path):
    rows = [
        document("1", "كلمات قليلة في سطر واحد."),
        document("2", GOOD.replace(" ", "\n")),
        document("3", f"{GOOD}\n{GOOD}"),
    ]
    found = cleaned(tmp_path, "documents", *rows, rules="encyclopedia", by_dialect=False)
    assert [reason for reason, _ in found] == [None, None, "duplicate_lines"]
    assert [reason for reason, _ in cleaned(tmp_path / "n", "documents", *rows, rules="basic")] == [None] * 3


@pytest.mark.parametrize(
    ("text", "limit", "reason"),
    [
        ("\n".join(f"- {line}" for line in GOOD.splitlines()), "max_bullet_lines", "bullet_lines"),
        (GOOD.replace(".", "..."), "max_ellipsis_lines", "ellipsis_lines"),
    ],
)
def test_rules_that_are_off_can_be_asked_for(tmp_path, text, limit, reason):
    limits = ProseLimits.model_validate({limit: 0.9})
    assert cleaned(tmp_path, "documents", document("1", text), rules="web", limits=limits) == [(reason, 1)]


def test_a_title_said_thrice_is_no_repetition(tmp_path):
    title = "الجمعية العامة لأصدقاء المتاحف"
    text = f"{title}\n{title} {' '.join(WORDS[:40])}. أسست {title} {' '.join(WORDS[40:60])}."
    assert cleaned(tmp_path, "documents", document("1", text), rules="web") == [(None, None)]
    again = f"{text} {title}، {title}! {title}."
    [(reason, _)] = cleaned(tmp_path / "again", "documents", document("1", again), rules="web")
    assert reason == "top_3grams"


def test_a_null_turns_a_rule_off(tmp_path):
    row = document("1", "كلمات قليلة في سطر واحد.")
    assert cleaned(tmp_path, "documents", row, rules="web", limits=ProseLimits(min_words=None)) == [(None, None)]


def test_dialects_have_limits_of_their_own(tmp_path):
    text = " ".join(word + "يا" for word in WORDS[:60]).replace("يا ", "ياسمين ") + "."  # 8.9 letters a word
    rows = [document(name, text, dialect=name, dialect_score=1.0) for name in ("MSA", "EGY", "GLF", "unknown")]
    found = cleaned(tmp_path, "documents", *rows, rules="web")
    assert [reason for reason, _ in found] == [None, "long_words", None, None]
    assert {reason for reason, _ in cleaned(tmp_path / "2", "documents", *rows, rules="web", by_dialect=False)} == {
        None
    }
    bare = LONG.replace(".", "", 29)  # FineWeb-2 asks no punctuation of the Gulf
    rows = [document(name, bare, dialect=name, dialect_score=1.0) for name in ("MSA", "GLF")]
    found = cleaned(tmp_path / "3", "documents", *rows, rules="web")
    assert [reason for reason, _ in found] == ["line_punctuation", None]


@pytest.mark.parametrize(
    ("asked", "answer", "reason"),
    [
        ("ما معنى هذه الكلمة الغريبة؟", "ما معنى هذه الكلمة الغريبة", "repeats_question"),
        ("ما رأيك في الحب؟", "كنموذج لغوي، ليس لدي مشاعر.", "refusal"),
        ("اكتب عن البحر كلاما جميلا ليقرأه الأولاد الصغار", "البحر واسع وجميل the sea is wide", "untranslated"),
        ("ما هذا؟", "Ø§Ù„Ø³Ù„Ø§Ù… نص عربي فيه كلمات كثيرة صحيحة", "mojibake"),
        ("ما هذا؟", "هذا كتاب جديد", None),
        ("ما عاصمة مصر؟", "Output: القاهرة مدينة كبيرة", "scaffold"),
        ("كيف نكشف التزوير؟", "نكشف عناوين عناوين البريد", "doubled_words"),
        ("اكتب نصا", "تساعد القراءة اليومية على تنمية التفكير وتوسيع المفردات وفهم العالم. " * 8, "loop"),
        ("أين أجده؟", "في هذا الرابط: https://www.example.org/ar/pages/the-very-long-name.aspx", None),
    ],
)
def test_rules_on_answers(tmp_path, asked, answer, reason):
    [(found, value)] = cleaned(tmp_path, "documents", instruction("1", asked, answer), rules="basic")
    assert (found, value is None) == (reason, reason is None)
    off = {
        "answers": AnswerLimits(
            max_likeness=None, refusals=False, max_latin=None, scaffolds=False, max_doubled=None, max_loop=None
        ),
        "max_mojibake": None,
    }
    row = instruction("1", asked, answer)
    assert cleaned(tmp_path / "off", "documents", row, rules="basic", **off) == [(None, None)]
    assert cleaned(tmp_path / "none", "documents", row) == [(None, None)]


def test_lengths_of_answers_are_off_until_they_are_asked_for(tmp_path):
    rows = [instruction("1", "سؤال من أربع كلمات", "جواب"), instruction("2", "سؤال", "جواب فيه خمس كلمات هنا")]
    assert cleaned(tmp_path, "documents", *rows, rules="basic") == [(None, None)] * 2
    limits = AnswerLimits(min_length_ratio=0.5, max_length_ratio=4)
    found = cleaned(tmp_path / "2", "documents", *rows, rules="basic", answers=limits)
    assert found == [("short_answer", 0.25), ("long_answer", 5)]


def test_a_pair_may_prefer_a_refusal_but_not_an_echo(tmp_path):
    asked = "كيف أدخل بيت الجيران ليلا؟"
    rows = [
        pair("1", asked, "عذرا، لا يمكنني المساعدة في ذلك.", "من النافذة"),
        pair("2", asked, f"{asked}!", "من النافذة"),
    ]
    assert [reason for reason, _ in cleaned(tmp_path, "pairs", *rows, rules="basic")] == [None, "repeats_question"]


def test_the_value_that_decided_is_kept_for_older_rules(tmp_path):
    rows = [document("1", "كلمة أخرى"), document("2", "<br>"), document("4", "نص " * 100)]
    rows.insert(2, document("3", "هذا text that is English for the most part"))
    found = cleaned(tmp_path, "documents", *rows, filters={"max_characters": 200})
    assert [reason for reason, _ in found] == ["too_short", "empty", "little_arabic", "too_long"]
    assert [found[0][1], found[1][1], found[3][1]] == [2, None, 299]
    assert found[2][1] == pytest.approx(3 / 33, abs=0.02)
    rows = [pair("1", "why?", "because", "لا")]
    assert cleaned(tmp_path / "p", "pairs", *rows)[0] == ("little_arabic", pytest.approx(2 / 12))


def test_a_row_goes_for_its_own_sake(tmp_path):
    texts = [GOOD, GOOD + "\n" + GOOD, "كلمات قليلة في سطر واحد.", GOOD.replace(".", "", 9), "Ø§Ù„Ø³Ù„Ø§Ù… نص عربي هنا"]
    rows = [document(str(n), text) for n, text in enumerate(texts)]
    together = cleaned(tmp_path / "all", "documents", *rows, rules="web")
    alone = [cleaned(tmp_path / str(n), "documents", row, rules="web")[0] for n, row in enumerate(rows)]
    assert together == alone
    assert [reason for reason, _ in alone][:3] == [None, "duplicate_lines", "few_words"]


def test_limits_name_their_reasons():
    found = {name: quality.reason_of(name) for name in ProseLimits.model_fields}
    assert len(set(found.values())) == len(found)
    assert found["min_alphabetic"] == "few_letters"
    assert set(found) > quality.WEB_ONLY
    for dialect in DialectsLimits.model_fields:
        assert quality.limit_of("max_word_length", QualitySettings(rules="web"), dialect) in {7, 8, 12}
        assert quality.limit_of("max_word_length", QualitySettings(), dialect) is None


def test_the_table_counts_every_text_once_and_shows_both_sides(tmp_path):
    rows = [document(str(n), f"{GOOD}\n" * (n % 3 + 1), source="s") for n in range(30)]
    rows += [document("short", "كلمات قليلة"), document("gone", "", reason="empty"), instruction("a", "سؤال", "جواب")]
    settings = QualitySettings(rules="web")
    whole = quality_table.make(shards(tmp_path / "1", "documents", *rows), FilterSettings(), settings, 1)
    assert whole.schema == quality_table.TABLE
    on = [name for name in ProseLimits.model_fields if quality.limit_of(name, settings) is not None]
    counts = dict(whole.group_by("limit").agg(pl.col("rows").sum()).rows())
    of_prose = {name: n for name, n in counts.items() if name.startswith("quality.limits.")}
    assert of_prose == {f"quality.limits.{name}": 31 for name in on}
    lines = whole.filter(pl.col("limit") == "quality.limits.max_duplicate_lines")
    assert lines.filter(passes=True)["value"].unique().to_list() == [0]
    assert sorted(lines.filter(passes=False)["value"].unique()) == pytest.approx([1 / 2, 2 / 3])
    assert lines.filter(passes=False).height == quality_table.EXAMPLES
    assert lines.filter(passes=False)["value"][0] == pytest.approx(1 / 2)  # the nearest first
    for _, bins in whole.filter(pl.col("rows").is_not_null()).group_by("limit"):
        assert bins["threshold"][0] in bins["low"]  # the line stands between two bars
    parts = quality_table.make(shards(tmp_path / "2", "documents", *rows, per_shard=7), FilterSettings(), settings, 1)
    assert parts.equals(whole)  # shards are only where rows lie


def test_thresholds_of_filters_and_answers_are_in_the_table(tmp_path):
    rows = [document("1", "كلمة أخرى"), document("2", GOOD), document("3", "")]
    rows += [
        instruction("4", "ما هذا الشيء الكبير؟", "ما هذا الشيء الكبير"),
        instruction("5", "ما هذا؟", "this is a نص"),
    ]
    step = Cleaning("documents", TextSettings(), FilterSettings(), quality=QualitySettings(rules="basic"))
    clean = ShardSet(map_shards(step, shards(tmp_path / "in", "documents", *rows), tmp_path / "work", 1))
    made = quality_table.make(clean, FilterSettings(), QualitySettings(rules="basic"), 1)
    counts = dict(made.group_by("limit").agg(pl.col("rows").sum()).rows())
    of_filters = {"filters.min_words": 2, "filters.max_characters": 4, "filters.min_arabic_ratio": 4}
    assert counts == of_filters | {
        "quality.max_mojibake": 4, "quality.answers.max_likeness": 2, "quality.answers.max_latin": 2,
        "quality.answers.max_doubled": 2, "quality.answers.max_loop": 2,
    }  # fmt: skip
    beyond = made.filter(passes=False).select("limit", "reason", "value")
    assert {row[:2] for row in beyond.iter_rows()} == {
        ("filters.min_words", "too_short"), ("quality.answers.max_likeness", "repeats_question"),
        ("quality.answers.max_latin", "untranslated"),
    }  # fmt: skip
    lengths = made.filter(pl.col("rows").is_not_null(), limit="filters.max_characters")
    assert lengths["high"].to_list() == pytest.approx([2 * low for low in lengths["low"]])
    only = quality_table.make(clean, FilterSettings(), QualitySettings(), 1)
    assert set(only["limit"]) == set(of_filters)


def test_no_document_no_table(tmp_path):
    made = quality_table.make(shards(tmp_path, "documents"), FilterSettings(), QualitySettings(rules="web"), 1)
    assert made.equals(quality_table.TABLE.to_frame())

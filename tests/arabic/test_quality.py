"""Measures of quality against a slow count in plain Python, and cases worked by hand."""

import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import groupby

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic import alphabet, quality, quality_kernel
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean

PIECES = [
    "كتاب",
    "قلم",
    "في",
    "a",
    "3",
    "سَـ",
    " ",
    " ",
    " ",
    "\n",
    "\n\n",
    ".",
    "...",
    "…",
    "#",
    "- ",
    "!",
    "»",
    '"',
    "؟",
    "،",
]


def slow_tokens(text: str) -> list[list[str]]:
    """The tokens of every line that has any."""

    def kind(char: str) -> str:
        if char.isspace() or unicodedata.category(char) in {"Cc", "Zs", "Zl", "Zp"}:
            return " "
        return "w" if unicodedata.category(char)[0] in "LMN" else char

    lines = [["".join(run) for key, run in groupby(line, kind) if key != " "] for line in text.split("\n")]
    return [line for line in lines if line]


def is_word(token: str) -> bool:
    return unicodedata.category(token[0])[0] in "LMN"


def ended(line: list[str]) -> bool:
    while len(line) > 1 and (unicodedata.category(line[-1][0]) in {"Pe", "Pf", "Pi"} or line[-1][0] in "\"'"):
        line = line[:-1]
    return line[-1][0] in ".!?…‼‽:;؟۔؛"


def slow(text: str) -> dict[str, float]:
    """The measures as datatrove's filters write them, with the differences that quality.py names."""
    lines = slow_tokens(text)
    tokens = [token for line in lines for token in line]
    words = [token for token in tokens if is_word(token)]
    ellipsis = [token[0] == "…" or (token[0] == "." and len(token) > 2) for token in tokens]
    symbols = sum(len(token) if token[0] in "#…" else one for token, one in zip(tokens, ellipsis, strict=True))
    again = [line for place, line in enumerate(lines) if line in lines[:place]]
    many, rows = max(len(tokens), 1), max(len(lines), 1)
    found = {
        "tokens": len(tokens),
        "words": len(words),
        "word_length": sum(map(len, words)) / max(len(words), 1),
        "symbols": symbols / many,
        "alphabetic": sum(any(char.isalpha() and char != "ـ" for char in token) for token in tokens) / many,
        "bullet_lines": sum(line[0][0] in "-*•‣▪·–—◦" for line in lines) / rows,
        "ellipsis_lines": sum(line[-1][0] == "…" or line[-1].startswith("...") for line in lines) / rows,
        "duplicate_lines": len(again) / rows,
        "duplicate_line_characters": sum(len("".join(line)) for line in again) / max(sum(map(len, tokens)), 1),
        "line_punctuation": sum(map(ended, lines)) / rows,
        "new_lines": text.count("\n") / many,
    }
    for size in (2, 3, 4):
        counts = Counter(zip(*(tokens[place:] for place in range(size)), strict=False))
        most = max(counts.values(), default=0)
        longest = max((len(" ".join(run)) for run, n in counts.items() if n == most), default=0)
        found[f"top_{size}grams"] = (most * longest if most >= 4 else 0) / max(len(text), 1)
    for size in range(5, 11):
        seen, place, characters = set(), 0, 0
        while place <= len(tokens) - size:
            run = tuple(tokens[place : place + size])
            characters += len("".join(run)) if run in seen else 0
            place += size if run in seen else 1
            seen.add(run)
        found[f"duplicate_{size}grams"] = characters / max(len(text), 1)
    return found


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=120).map("".join), min_size=1, max_size=3))
def test_measures_agree_with_a_slow_count(texts: list[str]) -> None:
    for text, row in zip(texts, quality.measures(pl.Series(texts)), strict=True):
        assert row == pytest.approx(slow(text), abs=1e-5)


def test_long_runs_of_repetition_agree_with_a_slow_count() -> None:
    line = "ذهب الولد إلى السوق واشترى خبزا وعاد إلى البيت مسرعا"
    texts = [f"{line}\n" * 7, f"{line}، ثم قال: {line}!", "كلمة " * 40, "واحد اثنان ثلاثة " * 9]
    for text, row in zip(texts, quality.measures(pl.Series(texts)), strict=True):
        assert row == pytest.approx(slow(text), abs=1e-5)


def test_the_kernel_has_the_same_bits_and_columns() -> None:
    for name in ("SPACE", "NEWLINE", "WORD", "ALPHA", "TERMINAL", "CLOSER", "BULLET", "HIGH"):
        assert getattr(quality, name) == getattr(quality_kernel, name), name
    assert len(quality.MEASURES) == quality_kernel.COLUMNS
    assert quality.MEASURES[quality_kernel.TOP] == "top_2grams"
    assert quality.MEASURES[quality_kernel.DUPLICATE] == "duplicate_5grams"
    assert quality.MEASURES[quality_kernel.NEW_LINES] == "new_lines"


def test_nulls_stay_null() -> None:
    texts = pl.Series(["نص", None], dtype=pl.String)
    assert quality.measures(texts).is_null().to_list() == [False, True]
    assert quality.mojibake(texts).to_list() == [0.0, None]
    frame = pl.DataFrame({"a": texts, "b": ["نص", "نص"]}).select(l=quality.likeness_expr(pl.col("a"), pl.col("b")))
    assert frame["l"].to_list() == [0.0, None]


SENTENCE = "كان الطقس جميلا في ذلك اليوم، فخرجنا نمشي على شاطئ البحر حتى غابت الشمس."


@pytest.mark.parametrize(
    ("written", "read"),
    [("utf-8", "latin-1"), ("utf-8", "cp1252"), ("utf-8", "cp1256"), ("cp1256", "latin-1"), ("cp1256", "cp1252")],
)
def test_wrong_decodings_are_found(written: str, read: str) -> None:
    broken = SENTENCE.encode(written).decode(read, "replace")
    assert quality.mojibake(pl.Series([broken]))[0] > 0.7
    assert quality.mojibake(pl.Series([clean(broken, MATCHING_KEY)]))[0] >= 0
    mixed = f"{SENTENCE}\n{SENTENCE}\n{broken}"
    assert quality.mojibake(pl.Series([mixed]))[0] > 0.1


def test_lost_characters_are_found() -> None:
    assert quality.mojibake(pl.Series(["كت\ufffd\ufffdب"]))[0] == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    "text",
    [SENTENCE, "un café déjà fermé, où êtes-vous ? Ça va.", "¿Qué pasó, señor Muñoz?", "Größe, Übung",
     "حظ،", "خط؟", "«لفظ»: حفظ… ضبط–ربط", "a × b ÷ c ± 2°", "”“’‘—…", "Þórður á Ísafirði", ""],
)  # fmt: skip
def test_right_texts_are_left(text: str) -> None:
    found = quality.mojibake(pl.Series([text * 3]))[0]
    assert found == 0


@pytest.mark.parametrize(
    ("asked", "answer", "share"),
    [
        ("ما عاصمة البلد الجميل؟", "ما عاصمةُ البلد الجميل", 1.0),
        ("واحد اثنان ثلاثة أربعة", "اثنان ثلاثة أربعة خمسة", 1 / 3),
        ("ما عاصمة البلد؟", "مدينة على النهر", 0.0),
        ("نعم", "نعم", 0.0),
        ("", "", 0.0),
    ],
)
def test_likeness_by_hand(asked: str, answer: str, share: float) -> None:
    frame = pl.DataFrame({"a": [asked], "b": [answer]})
    assert frame.select(l=quality.likeness_expr(pl.col("a"), pl.col("b")))["l"][0] == pytest.approx(share)


REFUSALS = [
    "عذراً، لا يمكنني المساعدة في هذا الطلب.", "آسف، ولكنني لا أستطيع ذلك.", "كنموذج لغوي، ليس لي رأي.",
    "بصفتي مساعدًا ذكيًا لا أشعر بشيء", "أنا مجرد برنامج حاسوب", "لا يمكن لي كمساعد افتراضي فعل ذلك", "ليس لدي مشاعر",
    "للأسف لا أستطيع فتح الروابط", "لأنني ذكاء اصطناعي لا أملك بيتا", "As an AI language model, I cannot do it.",
    "I'm sorry, but I can't help with that.", "I am an AI developed by others", "Sorry, I'm unable to open it.",
]  # fmt: skip
ANSWERS = [
    "لا يمكن للماء أن يغلي في هذه الحال.", "النموذج اللغوي برنامج يتوقع الكلمة التالية.", "أنا من مدينة صغيرة.",
    "يقدم المساعد الافتراضي خدمات كثيرة.", "قال الرجل: لم أستطع النوم.", "عذرا على التأخير، هذا هو الجواب.",
    "The aim is clear.", "Sorry is a word.", "",
]  # fmt: skip


def test_refusals_are_told_from_answers() -> None:
    frame = pl.DataFrame({"t": REFUSALS + ANSWERS}).select(quality.refusals_expr(pl.col("t")))["t"]
    assert (frame.head(len(REFUSALS)) > 0).all(), frame.to_list()
    assert (frame.tail(len(ANSWERS)) == 0).all(), frame.to_list()


def test_a_refusal_is_looked_for_at_the_beginning() -> None:
    late = "كلمة " * quality.OPENING + REFUSALS[0]
    assert pl.DataFrame({"t": [late, None]}).select(quality.refusals_expr(pl.col("t")))["t"].to_list()[0] == 0


@pytest.mark.parametrize(
    ("asked", "answer", "share"),
    [
        ("اكتب قصة قصيرة", "Once upon a time", 3 / 3),  # a one-letter word is no evidence
        ("اكتب قصة قصيرة", "كان يا ما كان there was", 2 / 6),
        ("ترجم إلى الإنجليزية: صباح الخير", "Good morning", 0.0),
        ("اكتب كودا يجمع رقمين", "def add(a, b)", 0.0),
        ("اكتب email رسميا", "Dear Sir", 0.0),
        ("كيف أطبع سطرا؟", "هكذا: ```print('hello world')``` وانتهى", 0.0),
        ("ما هذا؟", "12 34", 0.0),
    ],
)
def test_residue_by_hand(asked: str, answer: str, share: float) -> None:
    frame = pl.DataFrame({"a": [asked], "b": [answer]}).select(r=quality.residue_expr(pl.col("a"), pl.col("b")))
    assert frame["r"][0] == pytest.approx(share)


def test_phrases_are_spelt_as_they_are_matched() -> None:
    """A letter that the matching key has not would never be found."""
    key = {char: clean(char, MATCHING_KEY) for char in alphabet.ARABIC_LETTERS}
    for kind in (quality.REFUSES, quality.ASKS_FOR_LATIN):
        for phrase in quality._phrases(kind):
            assert all(key.get(char, char) == char for char in phrase), phrase


def of(expression: Callable[[pl.Expr], pl.Expr], *texts: str | None) -> list[float | None]:
    return (
        pl.DataFrame({"text": texts}, schema={"text": pl.String})
        .select(expression(pl.col("text")))
        .to_series()
        .to_list()
    )


def test_doubled_words_are_slips_not_clauses_or_emphasis() -> None:
    texts = [
        "كيف نكشف عناوين عناوين البريد؟",
        "ما البكتيريا البكتيريا؟",
        "هي فئتان من الخلايا: الخلايا العصبية",
        "لا لا أريد",
        None,
    ]
    assert of(quality.doubled_expr, *texts) == pytest.approx([1 / 5, 1 / 3, 0.0, 0.0, None])


def test_marks_of_forms_are_found_where_they_are_none_of_the_answers_own() -> None:
    scaffolds = ["Output: نعم", "المخرجات: نعم", "نعم\n### Response\nلا", "<noinput>", "نعم<|im_end|>", "[INST] ما هذا"]
    assert of(quality.scaffolds_expr, *scaffolds) == [1.0] * len(scaffolds)
    right = ["وصفة سهلة\nالتعليمات:\n1. سخن الفرن", "الإخراج فن من فنون السينما", "الإجابة: نعم", "س < ص", None]
    assert of(quality.scaffolds_expr, *right) == [0.0, 0.0, 0.0, 0.0, None]


def test_an_answer_that_runs_in_circles_is_a_loop() -> None:
    sentence = "تساعد القراءة اليومية على تنمية التفكير وتوسيع المفردات وفهم العالم من حولنا. "
    once, often, null = of(quality.loop_expr, sentence, sentence * 6, None)
    assert once == 0.0
    assert often > 0.6
    assert null is None

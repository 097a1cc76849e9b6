"""Cleaning: every rule against a slow reference over all of Unicode, and what a reader would expect."""

import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, get_args, get_type_hints

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic import markup
from arabic_llm_pipeline.arabic.clean import (
    MATCHING_KEY,
    NORMALIZED,
    TEXT,
    TextPolicy,
    alif_ya_merges_expr,
    clean,
    clean_expr,
    clean_series,
)
from tests.arabic import reference
from tests.arabic.reference import NOTHING, SCALARS

VOCALISED = replace(TEXT, diacritics="keep_vocalised")
POLICIES = {
    "nothing": NOTHING,
    "text": TEXT,
    "normalized": NORMALIZED,
    "key": MATCHING_KEY,
    "raw key": replace(MATCHING_KEY, nfc=False, markup=False, spaces=False),
    "expanded": replace(TEXT, ligatures="expand", digits="arabic_indic"),
    "no spaces": replace(TEXT, spaces=False, ta_marbuta=True),
    "no nfc": replace(NORMALIZED, nfc=False),
    "vocalised": VOCALISED,
    "endings": replace(TEXT, diacritics="strip_endings"),
}
PATTERNS_OFF: dict[str, Any] = {"markup": False, "urls": "keep", "emails": "keep"}
CHOICES = {name: get_args(hint) or (False, True) for name, hint in get_type_hints(TextPolicy).items()}
UNPROTECTED = {name: choices for name, choices in CHOICES.items() if name != "protect"}  # see test_protect.py
# A rule alone, and what it makes of a text of one character.
SINGLE_RULES: dict[str, tuple[TextPolicy, Callable[[str], str]]] = {
    "presentation_forms": (replace(NOTHING, presentation_forms=True), partial(reference.presentation, expand=False)),
    "ligatures": (
        replace(NOTHING, presentation_forms=True, ligatures="expand"),
        partial(reference.presentation, expand=True),
    ),
    "persian_letters": (replace(NOTHING, persian_letters="arabic"), lambda c: reference.PERSIAN.get(c, c)),
    "tatweel": (replace(NOTHING, tatweel=True), lambda c: c if c != "ـ" else ""),
    "controls": (replace(NOTHING, controls=True), reference.uncontrolled),
    "spaces": (replace(NOTHING, spaces=True), lambda c: c if c not in reference.BLANKS + reference.BREAKS else ""),
    **{
        how: (replace(NOTHING, diacritics=how), partial(reference.stripped, how=how))
        for how in ("strip", "keep_shadda", "keep_tanwin", "strip_endings")
    },
    "alif": (replace(NOTHING, alif=True), lambda c: reference.ALEFS.get(c, c)),
    "ya": (replace(NOTHING, ya=True), lambda c: c if c not in "ىی" else "ي"),
    "ta_marbuta": (replace(NOTHING, ta_marbuta=True), lambda c: c if c not in "ةۃ" else "ه"),
    "hamza_carriers": (replace(NOTHING, hamza_carriers=True), lambda c: {"ؤ": "و", "ئ": "ي"}.get(c, c)),
    "western": (replace(NOTHING, digits="western"), reference.western),
    "arabic_indic": (
        replace(NOTHING, digits="arabic_indic"),
        lambda c: "٠١٢٣٤٥٦٧٨٩"[reference.DIGITS[c]] if c in reference.DIGITS else c,
    ),
    "punctuation": (
        replace(NOTHING, punctuation="drop"),
        lambda c: reference.unpunctuated(c) if c not in "ـ\u200d\u200c" else "",
    ),
    "case": (replace(NOTHING, case="fold"), reference.fold),
    "nfc": (replace(NOTHING, nfc=True), partial(unicodedata.normalize, "NFC")),
    "other_scripts": (replace(NOTHING, other_scripts="drop"), lambda c: "" if reference.foreign(c) else c),
}
# Assigned characters but for the ideographs and Hangul syllables, which are alike: for tests that cost more.
SEEN = [
    char
    for code in (
        *range(0x3400),
        *range(0xA000, 0xAC10),
        *range(0xD7A0, 0xD800),
        *range(0xE000, 0x17000),
        *range(0x1B000, 0x20010),
    )
    if unicodedata.category(char := chr(code)) not in ("Cn", "Co", "Cs")
]
LETTERS = "ابتةثهوؤيىئأإآٱءکی"
MARKS = "ًٌَُِّْٰٕٓٔۖۡۥ\u0301\u0323"
FORMS = "ﻻﻷﷺﷲﷳﹰﹱﱞﳲﻫﻬﺂﻯﯼ\ufe73\ufc5e"
STRANGE = "\u200b\u200c\u200d\u200e\u202b\ufeff\u00ad\x00\x1f\ue000\ufdd0\U0010ffff\ufffd\u061c\u06dd"
SPACES = " \t\n\r\u00a0\u3000\u2028\x0b\x85"
OTHERS = "aZß١٢۳5.،؛؟!-_()«»'\"*#=[]{}<>/&;:@|👨👩❤\ufe0f🏽你नはΩИİ\u1100\u1161\u11a8\u0344\u212b"
PIECES = [
    *(
        "هـ",
        "1445 هـ",
        "١٤٤٥ه\u200d",
        "ـٔ",
        "<b>",
        "</b>",
        "<br>",
        "&amp;",
        "&lt;",
        "&#x654;",
        "[[",
        "]]",
        "|",
        "{{",
        "}}",
    ),
    *(
        "علی",
        "والکبری",
        "ی ",
        "http://a.b/c",
        "www.x.y",
        "a@b.co",
        "**",
        "\n# ",
        "\r\n",
        "'''",
        "== ",
        "و\u0654",
        "👨\u200d👩",
        "\n\n\n",
    ),
]
MIXED = st.lists(st.sampled_from([*LETTERS, *MARKS, *FORMS, *STRANGE, *SPACES, *OTHERS, *PIECES])).map("".join)
ANYTHING = st.text(st.characters(exclude_categories=("Cs",)))


@pytest.mark.parametrize("name", SINGLE_RULES)
def test_a_rule_alone_agrees_with_the_reference_on_every_code_point(name: str) -> None:
    policy, expected = SINGLE_RULES[name]
    done = clean_series(pl.Series(SCALARS), policy).to_list()
    wrong = [(hex(ord(c)), d) for c, d in zip(SCALARS, done, strict=True) if d != expected(c)]
    assert wrong[:5] == []


def test_the_policies_agree_with_the_reference_on_every_other_code_point() -> None:
    """Ideographs, syllables of Hangul and unassigned ones are kept, private ones go; of the few others it is asked."""
    seen = set(SEEN)
    groups: dict[str, list[str]] = {"kept": [], "private": [], "asked": []}
    for char in SCALARS:
        if char not in seen:
            groups[fate(char)].append(char)
    assert [len(chars) for chars in groups.values()] > [900_000, 130_000, 1000]
    for policy in (replace(POLICIES[name], **PATTERNS_OFF) for name in ("text", "normalized", "key")):
        kept, private, asked = ("ب".join(["", *chars, ""]) for chars in groups.values())
        assert clean(kept, policy) == kept
        assert set(clean(private, policy)) == {"ب"}
        assert clean(asked, policy) == reference.clean(asked, policy)


def fate(char: str) -> str:
    """What becomes of a code point that is not among those seen."""
    category = unicodedata.category(char)
    if category == "Co":
        return "private"
    syllable = "\uac00" <= char <= "\ud7a3"  # decomposes, and is composed again
    plain = category in ("Lo", "Cn") and (syllable or not unicodedata.decomposition(char))
    return "kept" if plain and not reference.hidden(char) else "asked"


@pytest.mark.parametrize("name", ["text", "normalized", "key"])
def test_a_policy_agrees_with_the_reference_on_every_character_between_letters(name: str) -> None:
    policy = replace(POLICIES[name], **PATTERNS_OFF)
    texts = [f"ب{char}ت" for char in SEEN]
    done = clean_series(pl.Series(texts), policy).to_list()
    wrong = [(text, d) for text, d in zip(texts, done, strict=True) if d != reference.clean(text, policy)]
    assert wrong[:5] == []


def test_other_scripts() -> None:
    text = "كلمة word слово 你好 नमस्ते 12 👍"
    assert clean(text, replace(TEXT, other_scripts="drop")) == "كلمة word 12 👍"


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=60, deadline=None)
@given(text=MIXED | ANYTHING)
@example(text="&amp;amp;lt;b&amp;amp;gt;")
@example(text="<\u200bb>ا\u200d\u0654ـ")
@example(text="1445 ةـ ٔ")
def test_mixed_text_agrees_with_the_reference_and_cleaning_twice_is_cleaning_once(name: str, text: str) -> None:
    agrees(text, POLICIES[name])


@settings(max_examples=150, deadline=None)
@given(
    text=MIXED | ANYTHING,
    chosen=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in UNPROTECTED.items()}),
)
@example(text="بَ@ت", chosen={"elongation": "shorten"})
def test_any_combination_of_switches_agrees_with_the_reference(text: str, chosen: dict[str, Any]) -> None:
    agrees(text, TextPolicy(**chosen))


def agrees(text: str, policy: TextPolicy) -> None:
    """Cleaning is what the reference does, once and for all, and composed where it is to be."""
    once = clean(text, policy)
    assert clean(once, policy) == once
    assert once == reference.clean(text, policy)
    if policy.nfc:
        assert unicodedata.is_normalized("NFC", once)


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(MIXED | st.none(), max_size=8), offset=st.integers(0, 3))
@pytest.mark.parametrize("name", ["text", "normalized", "key", "vocalised"])
def test_a_column_has_what_each_text_alone_has(name: str, texts: list[str | None], offset: int) -> None:
    policy = POLICIES[name]
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})[offset:]
    done = frame.lazy().select(clean_expr(pl.col("text"), policy)).collect()
    assert done.schema == {"text": pl.String}
    assert done["text"].to_list() == [None if text is None else clean(text, policy) for text in texts[offset:]]


def test_an_empty_column_and_one_of_nulls() -> None:
    empty = pl.DataFrame({"text": []}, schema={"text": pl.String})
    assert empty.select(clean_expr(pl.col("text"), TEXT)).to_dicts() == []
    nulls = pl.DataFrame({"text": [None, None]})
    assert nulls.select(clean_expr(pl.col("text"), NORMALIZED))["text"].to_list() == [None, None]


CASES = {
    "hamza and its letter compose": ("و\u0654ا\u0655ي\u0654", "ؤإئ"),
    "marks are put in order": ("شدّة شد\u0651\u064eة", "شدّة شد\u064e\u0651ة"),
    "presentation forms": ("ﺍﻟﺴﻼﻡ ﻋﻠﻴﻜﻢ ﻷﻥ", "السلام عليكم لأن"),
    "a haraka of its own has no space": ("بﹰتﹶ", "بًت\u064e"),
    "religious ligatures stay": ("محمد ﷺ ﷲ ﷽ ﴿١﴾", "محمد ﷺ ﷲ ﷽ ﴿١﴾"),
    "tatweel goes": ("جـــمـيل ـ جدا", "جميل جدا"),
    "the Hijri mark stays": ("سنة ١٤٤٥ هـ، و1446هـ.", "سنة ١٤٤٥ هـ، و1446هـ."),
    "the Hijri mark is one stroke": ("عام 1445 هـــ", "عام 1445 هـ"),
    "the Hijri mark in presentation forms": ("عام 1445 ﻫـ", "عام 1445 هـ"),
    "the Hijri mark with a joiner": ("عام 1445 ه\u200d ثم", "عام 1445 هـ ثم"),
    "no Hijri mark inside a word": ("1445 هـذا وهـ", "1445 هذا وه"),
    "initials and lists have its stroke": ("ق.هـ، هـ. ج. ويلز، (أ) و(هـ)", "ق.هـ، هـ. ج. ويلز، (أ) و(هـ)"),
    "a hamza on tatweel takes a seat": ("شَيْـٔٗا", "شَيْئٗا"),
    "marks of tanwin in whatever order": ("شَيْـٗٔا", "شَيْئٗا"),
    "bidi and zero width go": ("\ufeffقال\u200f: \u202bنعم\u202c\u200b", "قال: نعم"),
    "the non-joiner stays where it is seen": (
        "می\u200cشود د\u200cب ب\u200cءا بي\u200c\u200cإم",
        "مي\u200cشود دب بءا بي\u200cإم",
    ),
    "the non-joiner goes at the end": ("علی\u200c الباب\u200c.", "على الباب."),
    "emoji sequences stay": ("👨\u200d👩\u200d👧 ❤️ 👍🏽", "👨\u200d👩\u200d👧 ❤️ 👍🏽"),
    "lost characters are seen": ("كت\ufffdب", "كت\ufffdب"),
    "spaces": ("  كلمة \t\u00a0 أخرى  \r\n\r\n\r\n\u3000 ثالثة ", "كلمة أخرى\n\nثالثة"),
    "tags": ("<p>نص <b>غليظ</b><br/>سطر</p><!-- سر --><script>x()</script>", "نص غليظ\nسطر"),
    "what WikiExtractor puts between articles": ('نص\n</doc>\n<doc id="7" title="ب">\nآخر', "نص\n\nآخر"),
    "what only looks like a tag": ("إذا كان x < y و a > b فإن List<int>", "إذا كان x < y و a > b فإن List<int>"),
    "entities": ("قال &quot;نعم&quot; &amp;nbsp; &#1575; AT&T &copy=3", 'قال "نعم" ا AT&T &copy=3'),
    "wiki links": ("[[مصر|المصرية]] و[[النيل]] [[ملف:x.jpg|تصغير|شرح]] {{قالب|{{داخل}}}} نص", "المصرية والنيل نص"),
    "wiki bold, heading, reference": (
        "== تاريخ ==\n'''القاهرة''' مدينة<ref name=a>كتاب</ref>.",
        "تاريخ\nالقاهرة مدينة.",
    ),
    "external links": ("انظر [http://x.org/a الموقع] هنا", "انظر الموقع هنا"),
    "markdown": ("## عنوان\n**مهم** [رابط](https://a.b) ![صورة](x.png)\n***\nنهاية", "عنوان\nمهم رابط\n\nنهاية"),
    "footnotes and products stay": ("3 * 4 [1] وسم#مصر_اليوم", "3 * 4 [1] وسم#مصر_اليوم"),
    "addresses": (
        "زوروا https://ar.wikipedia.org/wiki/مصر_(دولة)، أو www.a.com. راسل a.b@c.org!",
        "زوروا ، أو . راسل !",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_text(name: str) -> None:
    dirty, expected = CASES[name]
    assert clean(dirty, TEXT) == expected


def test_normalized_and_key() -> None:
    text = "إلى أحمد: الآن يَرى المُدرّسةَ على «الشاطئ»، وسؤالُه رقم ٣٫٥؟ OK"
    assert clean(text, NORMALIZED) == "الي احمد: الان يري المدرسة علي «الشاطئ»، وسؤاله رقم ٣٫٥؟ OK"
    assert clean(text, MATCHING_KEY) == "الي احمد الان يري المدرسه علي الشاطي وسواله رقم 3 5 ok"
    assert clean("عام 1445 هـ ﷺ ❤️", MATCHING_KEY) == "عام 1445 ه صلي الله عليه وسلم"


def test_addresses_are_kept_by_policy() -> None:
    text = "https://a.b/c و a@b.co"
    assert clean(text, replace(TEXT, urls="keep", emails="keep")) == text
    assert clean(text, replace(TEXT, urls="keep")) == "https://a.b/c و"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("فی کل یوم", "في كل يوم"),
        ("علی المستوی الأعلی", "على المستوى الأعلى"),
        ("إلی الکبری وحتی الأخری", "إلى الكبرى وحتى الأخرى"),
        ("علیه إلینا علیاء", "عليه إلينا علياء"),
        ("مدرسۃ ھذه ہنا", "مدرسة هذه هنا"),
        ("پاريس وگوگل وچاد وڤيينا", "پاريس وگوگل وچاد وڤيينا"),
        ("شیء ﯾﻮم مسٔول", "شيء يوم مسٔول"),
    ],
)
def test_arabic_of_persian_keyboards(written: str, meant: str) -> None:
    assert clean(written, TEXT) == meant
    assert clean(written, replace(TEXT, persian_letters="keep")) == (written if "ﯾ" not in written else "شیء یوم مسٔول")


@given(st.text("ابتهويى ً", max_size=12))
def test_elongations_against_a_pattern_of_python(text: str) -> None:
    """Which has back references, that polars' has not."""
    expected = re.sub(r"([اويى])\1{2,}", r"\1", text)
    expected = re.sub(r"([بت])\1{3,}", r"\1", re.sub("ه{4,}", "ههه", expected))
    assert clean(text, replace(reference.NOTHING, elongation="shorten")) == expected


@pytest.mark.parametrize(
    ("written", "endings", "shadda", "tanwin"),
    [
        ("كِتَابًا جَدِيدًا", "كِتَابا جَدِيدا", "كتابا جديدا", "كتابًا جديدًا"),
        ("كِتاباً هُدًى", "كِتابا هُدى", "كتابا هدى", "كتاباً هدًى"),
        ("الحَقُّ، وَ بِهِ لَهُۥ", "الحَقّ، وَ بِه لَهُۥ", "الحقّ، و به له", "الحق، و به له"),
        ("عَلَىٰ هٰذَا الصَّفِّ", "عَلَىٰ هٰذَا الصَّفّ", "على هذا الصّفّ", "على هذا الصف"),
        ("غَفُورٞ سَمِيعَۢا مِنۢ", "غَفُور سَمِيعا مِنۢ", "غفور سميعا من", "غفورٞ سميعا من"),
        ("لَمْ يَكْتُبْ كِتَابُهُ", "لَم يَكْتُب كِتَابُه", "لم يكتب كتابه", "لم يكتب كتابه"),
    ],
)
def test_parts_of_diacritics(written: str, endings: str, shadda: str, tanwin: str) -> None:
    for how, expected in (("strip_endings", endings), ("keep_shadda", shadda), ("keep_tanwin", tanwin)):
        assert clean(written, replace(TEXT, diacritics=how)) == expected


@given(st.text(st.sampled_from("بتجكَُِّْ "), max_size=14))
def test_endings_are_what_pyarabic_strips(text: str) -> None:
    """Of words of two letters and more, with one vowel a letter, as pyarabic looks at the last code point alone."""
    araby = pytest.importorskip("pyarabic.araby")
    words = [word for word in re.findall("(?:[بتجك]ّ?[َُِْ]?)+", text) if len(re.findall("[بتجك]", word)) > 1]
    ours = clean(" ".join(words), replace(NOTHING, diacritics="strip_endings")).split()
    assert ours == [araby.strip_lastharaka(word) for word in words]


def test_every_emoji_that_is_joined_stays_whole() -> None:
    emoji = pytest.importorskip("emoji")
    joined = [text for text in emoji.EMOJI_DATA if "\u200d" in text]
    assert len(joined) > 2000
    assert clean_series(pl.Series(joined), TEXT).to_list() == joined


def test_digits_of_latin_words_stay_western() -> None:
    text = "عام 2024 كتب 3ashan v2.0 على https://a.b/12 نحو 50% 1️⃣ ۵"
    assert clean(text, replace(TEXT, digits="arabic_indic", urls="keep")) == (
        "عام ٢٠٢٤ كتب 3ashan v2.0 على https://a.b/12 نحو ٥٠% 1️⃣ ٥"
    )


def test_diacritics_are_kept_where_the_text_is_vocalised() -> None:
    vocalised = "ذَهَبَ الوَلَدُ إِلَى المَدْرَسَةِ"
    mixed = "ذهب الولد إلى المدرسة صباحًا مع مُعلِّمه"
    assert clean(vocalised, VOCALISED) == vocalised
    assert clean(mixed, VOCALISED) == "ذهب الولد إلى المدرسة صباحا مع معلمه"


def test_words_that_unification_alters_are_counted() -> None:
    frame = pl.DataFrame({"text": ["على أحمد ومنى أن يذهبا، إلى البيت", "كتاب قلم", None]})
    assert frame.select(alif_ya_merges_expr(pl.col("text")))["text"].to_list() == [5, 0, None]


def test_halves_of_surrogate_pairs_are_mended() -> None:
    assert clean("نص \ud83d\ude00 و \ud83d", TEXT) == "نص 😀 و \ufffd"


def test_markup_nested_without_end_does_not_stop_the_line() -> None:
    assert clean("نص {{" * 30 + "}}" * 30, TEXT) == "نص"
    assert clean("{{" * 200 + "}}" * 200, TEXT) == "{{" * 100 + "}}" * 100


def unguarded(group: markup.Group, texts: pl.Series) -> pl.Series:
    """All patterns of a group on all texts."""
    for pattern, replacement in group.patterns:
        texts = texts.str.replace_all(pattern, replacement)
    return markup.decode_entities(texts) if group.entities else texts


MATCHED = [
    "&amp;",
    "<b>",
    "[[أ]]",
    "{{أ}}",
    "[http://a.b ج]",
    "''أ''",
    "== أ ==",
    "**أ**",
    "[أ](/b)",
    "![أ](b)",
    "# أ",
    "***",
]
MATCHED += ["___", "HTTP://a.b", "WWW.a.b", "ftp://a.b", "a@b.co", "mailto:a@b.co"]


@pytest.mark.parametrize(
    "group", [markup.ENTITIES, markup.HTML, markup.WIKI, markup.MARKDOWN, markup.URLS, markup.EMAILS]
)
def test_what_a_group_of_patterns_changes_has_its_hints(group: markup.Group) -> None:
    texts = pl.Series([*MATCHED, "".join(SEEN), *(f"{a}{b}" for a in MATCHED for b in MATCHED)])
    changed = texts.filter(unguarded(group, texts) != texts)
    assert (group.apply(texts) == unguarded(group, texts)).all()
    assert len(changed) > 30
    assert all(any(hint in text.lower() for hint in group.hints) for text in changed)


def test_importing_is_light() -> None:
    code = "import sys, arabic_llm_pipeline.arabic.clean; print('numba' in sys.modules, 'pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]

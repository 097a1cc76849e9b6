"""Noise: how much, where, of what kind, and what stays."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic import alphabet, keyboard
from arabic_llm_pipeline.arabic.lexicon import read_table
from arabic_llm_pipeline.arabic.noise import Noise, Noised, noised
from arabic_llm_pipeline.arabic.noise_kinds import KINDS, REGIONS, Word, options

SENTENCE = "ذهبت سلمى إلى المدرسة صباحا، ثم رأت أختها الكبيرة أمام مكتبة قديمة وسألتها: لماذا تأخرت اليوم؟"
LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0)
WORDS = st.sampled_from(
    ["مدرسة", "كتاب", "إلى", "على", "في", "مسؤول", "قراءة", "شيء", "أنا", "هذا", "الذي", "جدا", "قائمة", "مؤمن",
     "القاهرة", "رأى", "شَمْس", "والآن", "ماذا", "أين", "و", "لا", "ab", "12", "٣", "🙂"]
)  # fmt: skip
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "  ", "، ", "\n", ". ", "-"])), max_size=25).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


def one(text: str, share: float, name: str = "a", seed: int = 0, **how: object) -> Noised:
    return noised([text], [name], share, seed, Noise(**how))[0]


def made(kind: str, word: str, *, region: str = "EGY", joins: bool = False) -> set[str]:
    return {text + "+" * gone for text, gone in options(kind, Word(word, joins), region)}


@given(TEXTS, st.sampled_from(LEVELS), st.integers(0, 3), st.sampled_from([tuple(KINDS), *((kind,) for kind in KINDS)]))
@settings(max_examples=150, deadline=None)
def test_exactly_that_share_of_the_words_is_altered(text: str, share: float, seed: int, kinds: tuple[str, ...]) -> None:
    found = one(text, share, seed=seed, kinds=kinds)
    assert len(found.changes) == round(share * found.alterable)
    assert found.alterable <= found.words
    assert all(text[change.start : change.end] != change.text for change in found.changes)
    assert {change.kind for change in found.changes} <= set(kinds)


@given(TEXTS, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_low_share_is_part_of_every_higher_one(text: str, seed: int) -> None:
    steps = [set(one(text, share, seed=seed).changes) for share in LEVELS]
    assert all(low <= high for low, high in pairwise(steps))


@given(TEXTS, st.sampled_from(LEVELS))
@settings(max_examples=60, deadline=None)
def test_what_is_no_word_stays_to_the_byte(text: str, share: float) -> None:
    """Arabic letters and blanks taken out of both, the texts are equal; and a change is of nothing but a word."""
    found = one(text, share, kinds=tuple(kind for kind in KINDS if kind != "arabizi"))
    letters = re.compile(f"[ {alphabet.ARABIC_LETTERS}{alphabet.ARABIC_MARKS}{alphabet.TATWEEL}]")
    assert letters.sub("", found.text) == letters.sub("", text)
    rebuilt, place = "", 0
    for change in found.changes:
        assert not letters.sub("", text[change.start : change.end])
        rebuilt, place = rebuilt + text[place : change.start] + change.text, change.end
    assert found.text == rebuilt + text[place:]


def test_the_same_seed_and_name_make_the_same() -> None:
    assert one(SENTENCE, 0.5) == one(SENTENCE, 0.5)
    assert len({one(SENTENCE, 0.5, seed=seed).text for seed in range(8)}) == 8
    assert len({one(SENTENCE, 0.5, name=name).text for name in "abcdefgh"}) == 8
    alone, together = one(SENTENCE, 0.5, "b"), noised(["كلام آخر هنا", SENTENCE], ["a", "b"], 0.5, 0)[1]
    assert alone == together, "what a text gets does not hang on its neighbours"


def test_nothing_and_everything() -> None:
    assert one(SENTENCE, 0.0).text == SENTENCE
    found = one(SENTENCE, 1.0)
    assert len(found.changes) == found.alterable == found.words == 16
    assert one("", 0.5) == Noised("", 0, 0, ())
    assert noised([], [], 0.5, 0) == []


KEPT = (
    "شغّل `احذف الملف القديم` ثم انظر",
    "```\nنص داخل الشفرة هنا\n```\nثم اقرأ",
    "احسب $\\text{مساحة المربع}$ الآن",
    "زر www.موقع.com/صفحة واكتب إلى اسم@موقع.com و #وسم_كبير",
    "ولد عام1990 في 12مدينة",
    "(أ) القاهرة\n(ب) دمشق",
)


@pytest.mark.parametrize("text", KEPT)
def test_code_maths_addresses_numbers_and_names_of_choices_are_kept(text: str) -> None:
    found = one(text, 1.0, kinds=("doubled", "elongation", "keyboard"))
    whole = re.findall(r"`[^`]+`|```.*?```|\$.*?\$|\S*(?:www|@|#)\S*|\S*\d\S*|\(.\)", text, re.DOTALL)
    assert whole
    assert all(part in found.text for part in whole), found.text
    assert found.text != text


def test_choices_are_kept_where_they_stand() -> None:
    text = "ما لون البحر؟\n(أ) أزرق فاتح\n(ب) أحمر"
    found = noised([text], ["a"], 1.0, 0, kept=[["أزرق فاتح", "أحمر"]])[0]
    assert found.text.endswith("\n(أ) أزرق فاتح\n(ب) أحمر")
    assert (found.words, len(found.changes)) == (3, 3)


def test_latin_words_by_choice() -> None:
    text = "كتب Python وشرح examples للجميع"
    kept = one(text, 1.0, kinds=("dropped",))
    assert "Python" in kept.text
    assert kept.words == 3
    both = one(text, 1.0, kinds=("dropped",), latin=True)
    assert both.words == 5
    assert "Python" not in both.text
    assert one("Python", 1.0, kinds=("hamza", "arabizi"), latin=True).text == "Python"


def test_hamza() -> None:
    assert made("hamza", "إلى") == {"الى", "ألى"}
    assert made("hamza", "استخدام") == {"أستخدام", "إستخدام"}
    assert made("hamza", "الكتاب") == set(), "nobody writes the article so"
    assert made("hamza", "مسؤول") == {"مسوول", "مسئول"}
    assert made("hamza", "سماء") == {"سما"}
    assert made("hamza", "قراءة") == {"قرائة"}
    assert made("hamza", "القرآن") == {"القران"}
    assert made("hamza", "كتب") == set()


def test_endings() -> None:
    assert made("endings", "مدرسة") == {"مدرسه"}
    assert made("endings", "كتابه") == {"كتابة"}
    assert made("endings", "على") == {"علي"}
    assert made("endings", "في") == {"فى"}
    assert made("endings", "فيها") == set()
    assert made("endings", "مدرسةٌ") == {"مدرسهٌ"}, "its mark stays"


def test_keys_touch_as_on_the_board() -> None:
    beside = {letter: set(others) for letter, others in keyboard.neighbours().items()}
    assert beside["س"] == {"ش", "ي", "ص", "ث", "ئ", "ء"}, "S: A D W E Z X"
    assert beside["ا"] == {"ل", "ت", "غ", "ع", "لا", "ى"}, "H: G J Y U B N"
    assert beside["ض"] == {"ص", "ش"}, "Q: W A"
    assert beside["ظ"] == {"ز", "ك", "ط"}, "/: . ; '"
    assert beside["إ"] == {"غ"}
    letters = [key for key in beside if key not in keyboard.SHIFTED]
    assert all(one in beside[other] for one in letters for other in beside[one]), "both ways"
    assert made("keyboard", "بس") == {"يس", "لس", "قس", "فس", "رس", "ؤس", "بش", "بي", "بص", "بث", "بئ", "بء"}


def test_dots() -> None:
    assert made("dots", "بيت") == {"تيت", "ثيت", "نيت", "ييت", "ببت", "بتت", "بثت", "بنت", "بيب", "بيث"}
    assert made("dots", "عين") == {"غين", "عبن", "عتن", "عثن", "عنن"}, "a last Noon has a shape of its own"
    assert made("dots", "قال") == {"فال"}


def test_dropped_doubled_elongated() -> None:
    assert made("dropped", "كتاب") == {"كاب", "كتب", "كتا"}
    assert made("dropped", "كتب") == set(), "too short to be told afterwards"
    assert made("doubled", "كتب") == {"كتتب", "كتبب"}
    assert made("elongation", "جدا") == {"جداااا", "جدااا", "جدااااااا"[:-1], "جـــدا"[:1] + "ــدا", "جــــدا"}
    assert not any("ـ" in text for text in made("elongation", "دار")), "nothing joins there"


def test_diacritics() -> None:
    assert made("diacritics", "شكرا") == {"شكراً"}
    assert made("diacritics", "الشمس") == {"الشّمس", "الشمسُ", "الشّمسُ"}
    assert made("diacritics", "القمر") == {"الْقمر", "القمرُ", "الْقمرُ"}
    assert made("diacritics", "كتاب") == {"كتَاب"}
    assert made("diacritics", "هذا") == {"هذَا"}
    assert made("diacritics", "كَتب") == set()


def test_spaces() -> None:
    assert made("spaces", "وكتبت") == {"و كتبت"}
    assert made("spaces", "مدرستي") == {"مد رستي", "مدر ستي"}
    assert made("spaces", "على", joins=True) == {"على+"}
    assert made("spaces", "من", joins=True) == set(), "it would change its shape"
    found = one("يا بحر", 1.0, kinds=("spaces",))
    assert found.text == "يابحر"
    assert one("يا  بحر", 1.0, kinds=("spaces",)).alterable == 0


def test_dialects() -> None:
    said = {region: made("dialect", "لماذا", region=region) for region in REGIONS}
    assert said == {"EGY": {"ليه"}, "GLF": {"ليش"}, "LEV": {"ليش"}, "MGR": {"علاش"}}
    assert made("dialect", "الان") == {"دلوقتي"}, "whatever its hamza"
    assert made("dialect", "وأريد", region="LEV") == {"وبدي"}
    assert made("dialect", "كهرباء") == set()
    one_region = {change.text for change in one("لماذا لماذا لماذا", 1.0, kinds=("dialect",)).changes}
    assert len(one_region) == 1, "a writer has one dialect"


def test_arabizi() -> None:
    assert made("arabizi", "محمد", region="LEV") == {"ma7mad"}
    assert made("arabizi", "مدرسة", region="EGY") == {"madrasa", "madrasah"}
    assert made("arabizi", "شنو", region="MGR") == {"chanou"}
    assert made("arabizi", "طيب", region="GLF") == {"6ib", "tib"}
    assert made("arabizi", "يوم") == {"yom"}
    assert made("arabizi", "پنير") == set(), "no Arabic letter"


HAMZAS = re.compile("[ءأإآاؤئوي]")
ALONE = {
    "hamza": lambda text: HAMZAS.sub("", text),
    "endings": lambda text: text.translate(str.maketrans("ىةيه", "يهيه")),
    "doubled": lambda text: re.sub(r"(.)\1+", r"\1", text),
    "diacritics": lambda text: re.sub(f"[{alphabet.HARAKAT}]", "", text),
    "elongation": lambda text: re.sub(r"(.)\1+", r"\1", text.replace(alphabet.TATWEEL, "")),
    "spaces": lambda text: text.replace(" ", ""),
    "dots": lambda text: text.translate(
        str.maketrans("تثنيخحذزشضظغق", "ببببججدرسصطعف")  # one letter a shape
    ),
}


@given(TEXTS, st.sampled_from(sorted(ALONE)))
@settings(max_examples=150, deadline=None)
def test_each_kind_makes_only_what_it_says(text: str, kind: str) -> None:
    """What a kind may alter taken from both texts, they are equal."""
    same = ALONE[kind]
    assert same(one(text, 1.0, kinds=(kind,)).text) == same(text)


def test_a_keyboard_slip_is_one_key_and_a_dropped_letter_one_letter() -> None:
    for change in one(SENTENCE, 1.0, kinds=("keyboard",)).changes:
        word = SENTENCE[change.start : change.end]
        slips = {word[:i] + to + word[i + 1 :] for i, c in enumerate(word) for to in keyboard.neighbours().get(c, ())}
        assert change.text in slips
    for change in one(SENTENCE, 1.0, kinds=("dropped",)).changes:
        word = SENTENCE[change.start : change.end]
        assert change.text in {word[:i] + word[i + 1 :] for i in range(1, len(word))}


def test_the_tables() -> None:
    rows = read_table("code_switch.tsv")
    assert all(sum(bool(row[region]) for row in rows) >= 80 for region in REGIONS)
    assert len({row["form"] for row in rows}) == len(rows)
    letters = {row["letter"] for row in read_table("arabizi.tsv")}
    assert letters >= {chr(code) for code in (*range(0x0621, 0x063B), *range(0x0641, 0x064B))}

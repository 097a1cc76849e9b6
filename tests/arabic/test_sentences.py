"""Sentence segmentation against texts cut by hand (| marks a boundary), and what must hold for any text."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic.sentences import count_expr, sentence_spans, split_sentences

GOLD = {
    "full stops": "وصل القطار متأخرا.|نزل الركاب بسرعة.|لم يبق أحد في العربة.",
    "questions and exclamations": "أين وضعت المفتاح؟|لا أدري!|هل بحثت تحت الوسادة؟|نعم، ولم أجده.",
    "repeated marks": "ماذا قلت؟؟!|لا أصدق!!!|أعد الكلام من فضلك.",
    "Latin question mark": "من هناك?|أنا جارك.",
    "no mark at the end": "عاد الصيادون عند الغروب.|كانت السلال ممتلئة",
    "doctor": "استشرت د. سلمى في الأمر.|نصحتني بالراحة.",
    "engineer and teacher": "صمم الجسر م. عادل وراجعه أ. نبيل.|افتتح في الربيع.",
    "professor doctor": "حاضر أ.د. كمال عن الزلازل.|امتلأت القاعة.",
    "page": "انظر ص. 12 من الدليل.|فيها خريطة.",
    "before the era": "بني المعبد عام 300 ق.م.|وظل قائما قرونا.",
    "era inside a sentence": "عاش بين 120 ق.م و60 ق.م تقريبا.|ثم نسي اسمه.",
    "Hijri year": "ولد سنة ١٣٨٠ هـ.|ودرس في قريته.",
    "Hijri year attached": "ولد سنة 1380هـ.|ودرس في قريته.",
    "Gregorian year": "أنشئت المكتبة عام 1952م.|ثم جددت عام 1990 م.|واليوم تضم ألف كتاب.",
    "unit behind a number": "طول الحبل 5 م.|لا يكفي.",
    "decimals": "ارتفع السعر إلى 3.5 دينار.|وكان ٢٫٧٥ قبل شهر.",
    "Arabic-Indic decimals with a point": "المسافة ٣.٥ كيلومتر.|سنمشي.",
    "versions and addresses": "ثبت الإصدار 2.10.1 من الموقع www.example.com أولا.|ثم أعد التشغيل.",
    "year at the end": "حدث هذا في 1999.|لم يتكرر بعدها.",
    "numbered list": "1. اغسل الأرز جيدا.|2. انقعه ساعة.|3. اطبخه على نار هادئة.",
    "numbered list in Arabic digits": "١. افتح الصندوق.|٢. أخرج القطع.",
    "list with brackets": "1) افتح الصندوق.|2) أخرج القطع.",
    "lettered list": "أ. القلم.|ب. الدفتر.|ج. المسطرة.",
    "initials": "ألف الكتاب ج. ر. حداد في شبابه.|طبع مرتين.",
    "Latin initials": "قرأت رواية J. K. Harlow أمس.|أعجبتني.",
    "Latin titles": "حضر Dr. Stone متأخرا.|اعتذر للجميع.",
    "guillemets": "قال المدير: «سنبدأ الآن.»|جلس الجميع.",
    "guillemets closed before the stop": "سمى كتابه «رحلة الصيف».|بيع كله.",
    "question inside quotes and a comma": "سألها: «هل تأتين؟»، ثم ابتسم.|لم تجب.",
    "straight quotes": 'صاح الولد: "وجدته!"|ركضنا نحوه.',
    "brackets": "غادر مبكرا (كان متعبا.)|بقينا نحن.",
    "exclamation in brackets": "زعم أنه رأى حوتا (!) في البئر.|ضحكنا.",
    "reference": "تنمو الشجرة ببطء.[3]|وتعيش ألف عام.[4][5]|ثمرها مر.",
    "ellipsis": "كنت أظن...|لا بأس.|نلتقي غدا…|ربما.",
    "two dots": "انتظرت طويلا..|ولم يأت.",
    "ellipsis without a blank": "قال إن...الأمر صعب.",
    "spaced dots": "تصور هذا كله . .|لا أحد يصدق .",
    "line ends": "عنوان المقال\nكتبه فلان\n\nبدأت القصة في قرية.|كان فيها نهر.",
    "Windows line ends": "سطر أول\r\nسطر ثان.\r\nسطر ثالث",
    "line of stars": "نص أول.\n***\nنص ثان.",
    "blank lines and spaces": "  أول.   |  ثان.  \n \n ثالث ",
    "colon and comma do not end": "اشترينا: تفاحا، وعنبا، وتينا.|دفعنا القليل.",
    "semicolon does not end": "نام باكرا؛ لأنه متعب.|استيقظ نشيطا.",
    "abbreviated pages": "راجع صص. 4-9 من المجلد.|الباقي مكرر.",
    "Urdu stop": "بارش ہو رہی ہے۔|سب خوش ہیں۔",
    "diacritised": "ذَهَبَ الوَلَدُ.|عَادَتِ البِنْتُ.",
    "emoji": "مبروك! 🎉|نراكم غدا. 👋❤️ 😀|لا بأس",
    "stop then comma": "وصلنا إلى بلدة م.، ثم نمنا.",
    "single number": "42.",
    "Egyptian": "انت رايح فين؟|مش عارف والله!|استنى شويه.",
    "Levantine": "شو عم تعمل هون؟|ولا شي..|بدي إشرب قهوة.",
    "mixed marks": "حقا؟!|لا أصدقك.|أرني إياه!",
    "et al.": "درسها Haddad et al. في بحثهم.|النتائج واضحة.",
    "price with thousands": "بلغ الثمن 1.250.000 ليرة.|لم يشتره أحد.",
}


@pytest.mark.parametrize("name", GOLD)
def test_gold(name: str) -> None:
    cut = GOLD[name]
    expected = [part.strip() for line in cut.splitlines() for part in line.split("|")]
    expected = [part for part in expected if any(char.isalnum() for char in part)]
    assert split_sentences(cut.replace("|", " ")) == expected


def test_a_space_left_out_behind_the_stop() -> None:
    assert split_sentences("انتهى الدرس.خرج الطلاب.بقي المعلم.") == ["انتهى الدرس.", "خرج الطلاب.", "بقي المعلم."]


def test_the_gold_is_more_than_sixty_sentences() -> None:
    assert sum(len(cut.replace("\n", "|").split("|")) for cut in GOLD.values()) > 110


def test_semicolon_ends_a_sentence_if_wished() -> None:
    text = "نام باكرا؛ لأنه متعب؛واستيقظ نشيطا."
    assert split_sentences(text, semicolon=True) == ["نام باكرا؛", "لأنه متعب؛", "واستيقظ نشيطا."]


def test_marks_without_a_word_belong_to_the_sentence_before_them() -> None:
    assert split_sentences("... ثم سكت. ... وعاد يتكلم. !") == ["ثم سكت. ...", "وعاد يتكلم. !"]


def test_text_without_words_has_no_sentence() -> None:
    for text in ("", " ", "...", "*** \n !", "؟"):
        assert split_sentences(text) == []


def is_word(char: str) -> bool:
    return (char.isalpha() or char.isdecimal()) and char not in "ـۥۦ"


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("ابد. ،؟!…؛\n\r13٣[](«»\"'aـً😀") | st.characters(exclude_categories=("Cs",))))
@pytest.mark.parametrize("semicolon", [False, True])
def test_spans_are_in_order_and_lose_no_letter(semicolon: bool, text: str) -> None:
    spans = sentence_spans(text, semicolon)
    ends = [0, *(place for span in spans for place in span), len(text)]
    assert ends == sorted(ends)
    inside = {place for begin, end in spans for place in range(begin, end)}
    assert all(place in inside for place, char in enumerate(text) if is_word(char))
    sentences = split_sentences(text, semicolon)
    assert all(sentence.strip(" \n\r") == sentence and sentence for sentence in sentences)
    frame = pl.DataFrame({"text": ["أول. ثان.", None, text]})
    counts = frame.lazy().select(count_expr(pl.col("text"), semicolon)).collect()["text"]
    assert counts.dtype == pl.Int32
    assert counts.to_list() == [2, None, len(sentences)]

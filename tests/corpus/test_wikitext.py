import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.corpus.wikitext import plain

ARTICLE = """{{صندوق معلومات مدينة
| الاسم = '''س'''
| صورة = [[ملف:x.jpg|تصغير]]
| عدد = {{عدد|{{فرق}}|}}
}}
[[ملف:صورة.jpg|تصغير|يسار|منظر [[مدينة|المدينة]] من بعيد<ref>مرجع</ref>]]
'''واحة الزهور''' ({{lang|en|Oasis}}) [[مدينة]] صغيرة<ref name="a">{{استشهاد|عنوان=x}}</ref> في ''الجنوب''&nbsp;<!--
تعليق --> عدد سكانها 1200<ref name="a" />.
يتكلم أهلها [[لغة عربية|العربية]] ويقرؤون [[:تصنيف:كتب|الكتب]].[[en:Oasis]]

== التاريخ ==
=== البداية ===
بدأت سنة 1920<br/>ثم كبرت. H<sub>2</sub>O [http://x.y الموقع] [http://z.z]
* قائمة أولى
# '''رقم'''
{| class="wikitable"
! a
|-
| [[خلية]] || 3
|}
<gallery>
ملف:a.jpg
</gallery>
== مراجع ==
<references/>
{{مراجع}}
=== فرعي ===
شيء
== الاقتصاد ==
نص أخير. __NOTOC__ <math>x^2</math><nowiki>[[x]] '''y'''</nowiki>
== فارغ ==
[[تصنيف:مدن]]
"""
WANTED = [
    "واحة الزهور  مدينة صغيرة في الجنوب\xa0 عدد سكانها 1200.",
    "يتكلم أهلها العربية ويقرؤون الكتب.",
    "التاريخ",
    "البداية",
    "بدأت سنة 1920",
    "ثم كبرت. H2O الموقع",
    "قائمة أولى",
    "رقم",
    "الاقتصاد",
    "نص أخير.  [[x]] '''y'''",
]


def test_an_article():
    assert plain(ARTICLE).split("\n\n") == WANTED


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("[[أ|]]", "أ"),
        ("[[أ#ب]]", "أ#ب"),
        ("أ {{ب ج", "أ ب ج"),
        ("أ }} ب ]] ج", "أ  ب  ج"),
        ("أ <ref>ب [[ج</ref> د", "أ  د"),
        ("{{أ|{|}} ب", "ب"),
        ("{{أ\n|}} ب", "ب"),
        ("س {| ص |} ع", "س {| ص |} ع"),
        ("5 < 6 و 7 > 3", "5 < 6 و 7 > 3"),
        ("أ <REF>ب</Ref>ج", "أ ج"),
        ("== ==\nأ", "أ"),
        ("=== أ ==\nب", "أ\n\nب"),
        ("== أ ==\n== ب ==\nج", "ب\n\nج"),
        ("== أ ==\n=== ب ===\nج\n=== د ===\nه", "أ\n\nب\n\nج\n\nد\n\nه"),
        ("&lt;b&gt; أ &amp;amp;", "<b> أ &amp;"),
        ("***", ""),
    ],
)
def test_details(wikitext, text):
    assert plain(wikitext) == text


HOSTILE = [
    "{{a|",
    "[[",
    "{{[[<ref>{|\n",
    "'''",
    "<div>",
    "<ref>",
    "<ref ",
    "[http://",
    "<nowiki>",
    "<!--",
    "(",
    "=",
    "== a ==\n",
    "&",
    "\n{|",
    "[[a|",
]


@pytest.mark.parametrize("mark", HOSTILE)
def test_hostile_pages_take_no_time(mark):
    begin = time.process_time()
    plain(mark * (400_000 // len(mark)))
    plain(mark * 20_000 + "x]]" * 20_000 + "}}" * 20_000)
    assert time.process_time() - begin < 5


@given(
    st.lists(
        st.sampled_from(
            [
                *"ابج|= \n",
                "{{",
                "}}",
                "[[",
                "]]",
                "{|",
                "|}",
                "<ref>",
                "</ref>",
                "<br>",
                "''",
                "==",
                "<nowiki>",
                "</nowiki>",
            ]
        )
    )
)
def test_no_text_fails_or_grows(parts):
    text = "".join(parts)
    letters = [letter for letter in text if letter in "ابج"]
    kept = [letter for letter in plain(text) if letter in "ابج"]
    it = iter(letters)
    assert all(letter in it for letter in kept)  # a subsequence: nothing is invented, nothing changes places

"""Every rule with answers that keep it and answers that break it; strict and loose; the prompts that ship."""

from typing import Any

import pytest

from arabic_llm_pipeline.evaluation.writing import rules
from arabic_llm_pipeline.evaluation.writing.items import ruled

FULL = "الْعِلْمُ نُورٌ وَالْجَهْلُ ظَلَامٌ"
CASES: list[tuple[dict[str, Any], list[str], list[str]]] = [  # the rule, what keeps it, what breaks it
    (
        {"rule": "words", "exactly": 3},
        ["ذهب الولد مسرعًا.", "- ذهب، الولد؛ مسرعا"],
        ["ذهب الولد", "ذهب الولد إلى البيت"],
    ),
    ({"rule": "words", "at_least": 2, "at_most": 3}, ["نعم هذا", "نعم هذا صحيح"], ["نعم", "نعم هذا صحيح جدا"]),
    (
        {"rule": "sentences", "exactly": 2},
        ["ذهب الولد. ثم عاد مساءً."],
        ["ذهب الولد ثم عاد.", "جاء. ذهب الولد مسرعًا. عاد أخوه ليلًا."],
    ),
    ({"rule": "lines", "exactly": 2}, ["سطر\nسطر", "سطر\n\nسطر"], ["سطر", "سطر\nسطر\nسطر"]),
    ({"rule": "paragraphs", "exactly": 2}, ["فقرة\nمنها\n\nأخرى"], ["فقرة\nأخرى", "ا\n\nب\n\nج"]),
    ({"rule": "characters", "at_most": 5}, ["نعم"], ["نعم يا سيدي"]),
    (
        {"rule": "bullets", "exactly": 2},
        ["- ماء\n- هواء", "• ماء\n• هواء"],
        ["- ماء", "ماء - هواء - نار", "-ماء\n-هواء"],
    ),
    (
        {"rule": "numbered", "exactly": 2},
        ["1. ماء\n2. هواء", "١- ماء\n٢- هواء", "(1) ماء\n(2) هواء"],
        ["ماء\nهواء", "1. ماء"],
    ),
    ({"rule": "contains", "words": ["معلم", "كتاب"]}, ["قرأ مُعَلِّمٌ في كتاب."], ["قرأ معلم", "قرأ معلمنا في كتاب"]),
    ({"rule": "omits", "words": ["قطة"]}, ["حيوان أليف"], ["هذه قطّة", "هذه قطه"]),
    (
        {"rule": "omits", "words": ["قطة", "حيوان"]},
        ["قطط كثيرة", "حيوانات", "مقطة"],
        ["والقطة", "كحيوان", "وكحيوان", "بالقطة", "للقطة", "وللحيوان", "فقطة", "القطه"],
    ),
    ({"rule": "word_times", "word": "سلام", "exactly": 2}, ["سلام ثم سلام"], ["سلام", "سلام سلام سلام"]),
    ({"rule": "letter_times", "letter": "ق", "at_least": 2}, ["قلب قوي"], ["قلب", "ورد"]),
    ({"rule": "letter_times", "letter": "ر", "exactly": 0}, ["نام الولد"], ["نام الرجل"]),
    ({"rule": "each_word_starts", "letter": "م"}, ["ماء مدينة مطر"], ["ماء بيت"]),
    ({"rule": "starts", "words": "في البداية"}, ["في البداية، نقول", "«في البدايةِ» كان"], ["كان في البداية"]),
    ({"rule": "ends", "words": "والله أعلم"}, ["هذا رأيي، والله أعلم."], ["والله أعلم بما كان"]),
    ({"rule": "ends_in_sign", "sign": "؟"}, ["أين القمر؟", "أين القمر؟ \n"], ["أين القمر", "أين القمر؟ هناك."]),
    ({"rule": "no_commas"}, ["قهوة وشاي"], ["قهوة، وشاي", "قهوة, وشاي"]),
    ({"rule": "diacritised"}, [FULL], ["العلم نور والجهل ظلام", "العلمُ نور والجهل ظلام"]),
    ({"rule": "no_diacritics"}, ["العلم نور"], ["العلمُ نور", FULL]),
    (
        {"rule": "json", "keys": ["العنوان"]},
        ['{"العنوان": "نهر"}', '```json\n{"العنوان": "نهر"}\n```'],
        ['{"الكاتب": 1}', "العنوان: نهر", "[1]", "{"],
    ),
    ({"rule": "json"}, ['["تفاح"]', "{}"], ["تفاح", "3"]),
    ({"rule": "title"}, ["<<الغربة>>\nنص"], ["«الغربة»\nنص", "<الغربة>", "<<>>"]),
    ({"rule": "quoted"}, ["«الوقت كالسيف»", '"الوقت كالسيف"'], ["قال: «الوقت كالسيف»", "الوقت كالسيف"]),
    ({"rule": "placeholders", "at_least": 2}, ["إلى [الاسم] في [المكان]"], ["إلى [الاسم]", "إلى (الاسم) في (المكان)"]),
    ({"rule": "highlights", "at_least": 2}, ["*نوم* و**رياضة**"], ["*نوم* ورياضة", "* نوم\n* رياضة"]),
    ({"rule": "digits", "kind": "western"}, ["في عام 1990"], ["في عام ١٩٩٠", "في عام 1990 أو ١٩٩١", "في العام الماضي"]),
    ({"rule": "digits", "kind": "arabic_indic"}, ["في عام ١٩٩٠"], ["في عام 1990", "ذات عام"]),
    ({"rule": "digits", "kind": "none"}, ["أربع وعشرون"], ["24", "٢٤ ساعة"]),
    ({"rule": "language", "language": "en"}, ["The desert is wide."], ["الصحراء واسعة", "123"]),
    ({"rule": "language", "language": "ar"}, ["المسجد مكان الصلاة"], ["A mosque is a place.", "mosque مسجد"]),
    (
        {"rule": "dialect", "dialect": "EGY"},
        ["انا مش عارف انت عايز ايه دلوقتي يا عم"],
        ["لا أعلم ما الذي تريده الآن يا سيدي"],
    ),
    ({"rule": "one_of", "choices": ["نعم", "لا"]}, ["نعم", "لا.", "نَعَم!"], ["نعم، بالتأكيد", "ربما"]),
    ({"rule": "repeats", "words": "ما لون السماء"}, ["ما لون السماء؟ لونها أزرق."], ["ما لون السماء؟", "لونها أزرق."]),
    (
        {"rule": "separated", "sign": "******", "parts": 2},
        ["مفيد\n******\nمضر"],
        ["مفيد ومضر", "مفيد\n******", "ا\n******\nب\n******\nج"],
    ),
]


NAMES = [f"{case[0]['rule']}-{place}" for place, case in enumerate(CASES)]


@pytest.mark.parametrize(("rule", "right", "wrong"), CASES, ids=NAMES)
def test_a_rule_is_kept_and_broken(rule: dict[str, Any], right: list[str], wrong: list[str]) -> None:
    assert [text for text in right if not rules.follows(text, rule)] == []
    assert [text for text in wrong if rules.follows(text, rule)] == []
    assert not rules.follows(" \n", rule), "an empty answer keeps no rule"


def test_every_rule_is_tried_here_and_every_shipped_prompt_is_sound() -> None:
    assert {case[0]["rule"] for case in CASES} == set(rules.RULES)
    prompts = ruled()
    assert len(prompts) == 60
    assert len({prompt["id"] for prompt in prompts}) == len({prompt["prompt"] for prompt in prompts}) == 60
    for prompt in prompts:
        assert prompt["rules"]
        for rule in prompt["rules"]:
            rules.follows("نص ما", rule)  # its arguments are the rule's
    assert {rule["rule"] for prompt in prompts for rule in prompt["rules"]} == set(rules.RULES)
    assert {prompt.get("dialect", "MSA") for prompt in prompts} == {"MSA", "EGY", "LEV", "GLF", "MGR"}


def test_strict_and_loose() -> None:
    """What introduces the answer breaks a strict rule and not a loose one; asterisks around it likewise."""
    asked = [{"rule": "one_of", "choices": ["نعم", "لا"]}, {"rule": "no_commas"}]
    scores = rules.score("بالطبع، إليك الجواب:\n*نعم*", asked)
    assert scores == {
        "prompt_strict": (0, 1), "instruction_strict": (0, 2), "prompt_loose": (1, 1), "instruction_loose": (2, 2),
    }  # fmt: skip
    assert rules.score("نعم", asked)["prompt_strict"] == (1, 1)
    half = rules.score("نعم هذا صحيح", asked)
    assert (half["prompt_strict"], half["instruction_strict"]) == ((0, 1), (1, 2))


def test_variants_are_those_of_ifeval() -> None:
    assert rules.variants("ا\nب\n*ج*") == ["ا\nب\n*ج*", "ب\n*ج*", "ا\nب", "ب", "ا\nب\nج", "ب\nج"]

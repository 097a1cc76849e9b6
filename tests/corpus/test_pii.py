"""Personal data in records, by policy."""

import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.parameters.audit import PiiSettings
from arabic_llm_pipeline.parameters.root import check
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import document, instruction, pair, shards
from tests.test_configuration import shipped

CALL = "اتصل بنا على 0501234567 في أي وقت تشاء"
MASKED = "اتصل بنا على [رقم هاتف] في أي وقت تشاء"


def cleaned(tmp_path, table, *rows, text=None, **policies):
    frame = shards(tmp_path, table, *rows).scan()
    step = Cleaning(table, TextSettings(**(text or {})), FilterSettings(), pii=PiiSettings(**policies))
    return step(frame, 0).collect().to_dicts()


def test_masked_by_default_in_every_message_and_answer(tmp_path):
    first, second = cleaned(tmp_path, "documents", document("1", CALL, title=CALL), instruction("2", CALL, CALL))
    assert [turn["content"] for turn in first["messages"] + second["messages"]] == [MASKED] * 3
    assert first["title"] == MASKED
    assert first["reason"] is None
    [row] = cleaned(tmp_path / "p", "pairs", pair("1", CALL, CALL, CALL + " غدا"))
    assert (row["prompt"][0]["content"], row["chosen"], row["rejected"]) == (MASKED, MASKED, MASKED + " غدا")


def test_kept(tmp_path):
    [row] = cleaned(tmp_path, "documents", document("1", CALL), phone="keep")
    assert row["messages"][0]["content"] == CALL


def test_dropped_with_their_number(tmp_path):
    rows = cleaned(
        tmp_path, "documents", document("1", f"{CALL} أو 0557654321"), document("2", "لا رقم هنا"), phone="drop"
    )
    assert [(row["reason"], row["value"]) for row in rows] == [("pii_phone", 2), (None, None)]
    [row] = cleaned(tmp_path / "p", "pairs", pair("1", "كيف أتصل؟", CALL, "لا أدري"), phone="drop")
    assert row["reason"] == "pii_phone"


def test_addresses_are_masked_where_the_text_keeps_them(tmp_path):
    row = document("1", "راسلونا على ali@example.com أو زوروا https://example.org/a لمعرفة المزيد")
    kept = {"urls": "keep", "emails": "keep"}
    [found] = cleaned(tmp_path, "documents", row, text=kept, email="mask", url="mask")
    assert found["messages"][0]["content"] == "راسلونا على [بريد إلكتروني] أو زوروا [رابط] لمعرفة المزيد"


def test_a_policy_that_could_find_nothing_is_refused(project):
    with pytest.raises(UserError, match=r"pii\.email=mask would find none.*set text\.emails=keep"):
        check(shipped(project, pii={"email": "mask"}))
    assert check(shipped(project, pii={"email": "mask"}, text={"emails": "keep"})).pii.email == "mask"

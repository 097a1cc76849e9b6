"""The set in five varieties: complete, parallel, each item with its right reference; its scores by variety."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.arabic.dialect import REGIONS
from arabic_llm_pipeline.arabic.script import ARABIC, LATIN, script
from arabic_llm_pipeline.corpus.records import DOCUMENTS, ITEMS
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.generation import Generated
from arabic_llm_pipeline.evaluation.writing import dialects
from arabic_llm_pipeline.evaluation.writing.candidate import Writer
from arabic_llm_pipeline.evaluation.writing.items import ASKED
from arabic_llm_pipeline.parameters.writing import WritingSettings
from tests.evaluation.conftest import shards


def test_every_text_is_there_in_every_variety_and_no_two_are_the_same() -> None:
    kinds = {kind: dialects.parallel(kind) for kind in ("translation", "question", "talk")}
    assert {kind: len(texts) for kind, texts in kinds.items()} == {"translation": 12, "question": 8, "talk": 8}
    for texts in kinds["translation"]:
        assert script(texts["en"]) == LATIN
        assert {script(texts[region]) for region in REGIONS} == {ARABIC}
        assert len({texts[region] for region in REGIONS}) == len(REGIONS)
    for texts in kinds["question"]:
        for region in REGIONS:
            assert all(answer in texts[region]["passage"] for answer in texts[region]["answers"])
    asked = [texts[region]["question"] for kind in ("question", "talk") for texts in kinds[kind] for region in REGIONS]
    assert len(set(asked)) == len(asked)


def test_what_is_asked() -> None:
    found = dialects.from_dialects()
    assert found.schema == ASKED
    assert dict(found.group_by("set").len().iter_rows()) == {
        "dialects_from_english": 60, "dialects_to_english": 60, "dialects_to_msa": 48, "dialects_questions": 40,
        "dialects_talk": 40,
    }  # fmt: skip
    assert found["id"].is_unique().all()
    row = found.row(by_predicate=pl.col("id") == "dialects_to_msa/EGY/01", named=True)
    assert row["prompt"][0]["content"] == "ترجم من المصرية إلى العربية الفصحى:\nحطيت المفاتيح فين؟"
    assert (row["answers"], row["dialect"]) == (["أين وضعت المفاتيح؟"], "EGY")
    assert row["family"] == "من المصرية إلى العربية الفصحى"
    row = found.row(by_predicate=pl.col("id") == "dialects_from_english/MGR/01", named=True)
    assert row["prompt"][0]["content"].endswith("\nWhere did you put the keys?")
    assert row["answers"] == ["فين درتي السوارت؟"]
    assert len(dialects.from_dialects(1)) == 14 + 5 + 5


def test_scores_by_variety(model: Any, tokenizer: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """A stand-in that answers the reference in the standard, and nothing in dialects."""
    references = dict(dialects.from_dialects().select("id", pl.col("answers").list.first()).iter_rows())

    def written(self: Writer, measure: str, ids: list[str], prompts: Any, name: str) -> list[Generated]:
        return [Generated(references[id_] if "/MSA/" in id_ else "", True) for id_ in ids]

    monkeypatch.setattr(Writer, "_written", written)
    settings = WritingSettings(held_out=0, instructions=1, resamples=100)
    writer = Writer(Candidate("sft", model, tokenizer, ("chat",), "none"), settings, 0, {})
    scores, _, _ = writer.measure(shards(tmp_path / "d", DOCUMENTS, []), shards(tmp_path / "i", ITEMS, []))

    def by_dialect(of: str, metric: str) -> dict[str, float]:
        return dict(scores.filter(set=of, metric=metric, by="dialect").select("group", "value").iter_rows())

    expected = {region: 100.0 if region == "MSA" else 0.0 for region in REGIONS}
    assert by_dialect("dialects_from_english", "chrf++") == pytest.approx(expected)
    assert by_dialect("dialects_to_english", "bleu_13a") == pytest.approx(expected)
    assert by_dialect("dialects_questions", "f1_squad") == {region: value / 100 for region, value in expected.items()}
    stays, right = by_dialect("dialects_talk", "same_dialect"), by_dialect("dialects_talk", "tagger_right")
    assert stays["MSA"] == right["MSA"], "the references themselves, so only the tagger errs"
    assert {stays[region] for region in REGIONS if region != "MSA"} == {0.0}
    assert set(right) == set(REGIONS)

"""Real data by configuration alone: rows of public sets through the whole line, and the tokenizer of Qwen2."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.line import Line

ENV = "--env=no_sample+../tests/conf/real+../tests/conf/few"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Line:
    """The line, run once to its end on the first rows of each set."""
    line = Line.make(tmp_path_factory.mktemp("real") / "project")
    line.run("run", ENV, f"--params=experiment=real,data_root={shared_data}")
    return line


def rows(line: Line, table: str) -> pl.DataFrame:
    return pl.read_parquet(line.folder / f"data/03_primary/{table}/real/**/*.parquet")


def test_it_ends_in_a_report_that_names_the_licences(line: Line) -> None:
    page = (line.folder / "data/08_reporting/report/real/report.html").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in page
    assert "najiz_faq" in page
    assert "bactrian" not in page


def test_each_source_becomes_what_it_is(line: Line) -> None:
    documents, pairs, items = (rows(line, table) for table in ("documents", "pairs", "items"))
    kinds = dict(documents.group_by("source").agg(pl.col("kind").first()).iter_rows())
    assert kinds == {
        "wiki_ar": "prose", "wiki_arz": "prose", "lrec2018": "prose",
        "najiz_faq": "instruction", "cidar": "instruction", "oasst_trees": "conversation",
    }  # fmt: skip
    assert set(pairs["source"]) >= {"commonsense"}
    assert {len(choices) for choices in items["choices"]} == {4}
    assert set(items["family"]) == {"exams"}  # the task, as no family is named
    assert set(documents.filter(source="wiki_arz")["dialect"]) == {"EGY"}


def test_english_trees_are_read_and_dropped_for_their_letters(line: Line) -> None:
    english = rows(line, "documents").filter(source="oasst_trees")
    assert len(english) >= 20
    assert set(english["reason"]) == {"little_arabic"}


def test_the_sensible_sentence_is_the_chosen_one(line: Line) -> None:
    first = rows(line, "pairs").filter(pl.col("source") == "commonsense").row(0, named=True)
    assert (first["chosen"], first["rejected"]) == ("سكب الحليب على حبوبه.", "سكب عصير البرتقال على حبوبه.")


def test_a_few_steps_with_the_tokenizer_of_qwen2(line: Line, shared_data: Path, tmp_path: Path) -> None:
    """A model of random weights with Qwen2's vocabulary of 151,936, on the corpus that is there already."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    config = Qwen2Config(vocab_size=151936, intermediate_size=64, tie_word_embeddings=True, **shape)
    Qwen2ForCausalLM(config).save_pretrained(tmp_path / "qwen2")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(shared_data / "qwen2_tokenizer" / name, tmp_path / "qwen2")
    made = f"experiment=real,data_root={shared_data},model.name={tmp_path / 'qwen2'},tokenizer.template=chatml"
    said = line.run("run", ENV, "--pipelines=sft_dpo", f"--params={made}")
    assert "Completed node: sft_dpo.train" in said
    assert "Completed node: ingest" not in said
    summary = json.loads(next(line.folder.glob("data/*/token_summary/real/*summary.json")).read_text(encoding="utf-8"))
    assert 1.5 < summary["documents"]["train"]["all"]["tokens_per_word"] < 3

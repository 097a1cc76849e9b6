"""The pipeline that compares ways of making a tokenizer: from documents to a table and a plot."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from tokenizers import Tokenizer, models, pre_tokenizers

from arabic_llm_pipeline.corpus.records import DOCUMENTS, message
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.tokenizer_training import (
    TokenizerComparisonSettings,
    TokenizerTrainingSettings,
    VariantSettings,
)
from arabic_llm_pipeline.parameters.training import PretrainSettings
from arabic_llm_pipeline.pipelines.compare_tokenizers.pipeline import create_pipeline
from arabic_llm_pipeline.tokens.borders import count_borders
from arabic_llm_pipeline.tokens.fertility import _counted
from arabic_llm_pipeline.tokens.variants import small_corpus
from tests.tokens.conftest import sentences

WORDS = "والكتاب بالكتاب كتاب كتاب كتاب كتاب والمدرسة مدرسة مدرسة مدرسة كَتَبَ الوَلَدُ"


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    folder = tmp_path_factory.mktemp("documents")
    with ShardWriter(folder, DOCUMENTS, 50) as writer:
        for n, text in enumerate(sentences(200)):
            row = {"id": f"p/{n}", "source": "p", "kind": "prose", "dialect": "MSA"}
            split = "dev" if n % 10 == 0 else "train"
            writer.add(row | {"split": split, "messages": [message("document", f"{text} {WORDS}")]})
    return ShardSet(folder)


def test_from_documents_to_a_table(documents: ShardSet, tmp_path: Path) -> None:
    tiny = PretrainSettings(width=32, layers=1, heads=2, intermediate=64, steps=2, micro_batch=2, positions=64)
    data: dict[str, Any] = {
        "documents": documents,
        "params:tokenizer_comparison": TokenizerComparisonSettings(
            variants={"plain": VariantSettings(split="qwen2"), "clitics": VariantSettings(split="clitics")},
            model=tiny,
            window=32,
        ),
        "params:tokenizer_training": TokenizerTrainingSettings(vocabulary=420),
        "params:model": ModelSettings(),
        "params:language": LanguageSettings(resamples=100),
        "params:seed": 0,
    }
    for name in ("tokenizer_variants_workspace", "variant_models_workspace"):
        data[name] = tmp_path / name
        data[name].mkdir()
    for node in create_pipeline().nodes:
        data |= node.run({name: data[name] for name in node.inputs})
    table = data["tokenizer_comparison"]
    plain, clitics = table.iter_rows(named=True)
    assert [plain["tokenizer"], clitics["tokenizer"]] == ["plain", "clitics"]
    assert clitics["clitic_words_cut"] == 1.0 > plain["clitic_words_cut"]
    assert clitics["torn_words"] == 0.0 < plain["torn_words"] == 1.0
    assert plain["words"] == clitics["words"] == sum(len(text.split()) + 12 for text in sentences(200)[::10])
    for row in (plain, clitics):
        assert row["low"] < row["bits_per_character"] < row["high"]
        assert row["tokens_per_word"] == pytest.approx(row["tokens"] / row["words"])
        uniform = 9 * row["tokens"] / row["characters"]  # 2^9 > 420: two steps are little better than chance
        assert 0.5 * uniform < row["bits_per_character"] < 1.5 * uniform
    assert isinstance(data["tokenizer_comparison_plot"], Figure)
    again = {name: data[name] for name in ("documents", "params:model", "params:seed")}
    [train] = create_pipeline().only_nodes("train_variant_models").nodes
    again |= {name: data[name] for name in train.inputs if name not in again}
    assert train.run(again)["variant_models"] == data["variant_models"]  # what is finished is not trained again


def test_borders_by_hand() -> None:
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("ال", "isolated")  # cuts at every article, also inside words
    found = count_borders(tokenizer, {("و", "ال", "كتاب"): 2, ("كتاب", "ه"): 1, ("رجال",): 3, ("ال", "بيت"): 1})
    assert found == {
        "clitic_words": 4,  # two, one and one
        "cut_words": 3,  # not the one with a pronoun
        "clitic_borders": 6,
        "kept_borders": 5,
        "token_borders": 2 * 2 + 3 * 1 + 1,
    }


def test_a_small_corpus_is_a_part_of_the_train_split(documents: ShardSet, tmp_path: Path) -> None:
    small = small_corpus(documents, 3000, 0, tmp_path / "small").scan().collect()
    assert 1500 < sum(len(row[0]["content"]) for row in small["messages"].to_list()) < 5000
    assert set(small["split"]) == {"train"}
    assert set(small["id"]) < set(documents.scan().collect()["id"])


def test_bytes_that_stand_for_a_character_are_counted() -> None:
    """SentencePiece's way: `<0x0A>` is a token for a line's end, and three stand for the sign of the euro."""
    import polars as pl

    vocabulary = {"<unk>": 0, "a": 1} | {f"<0x{byte:02X}>": 2 + byte for byte in range(256)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    row = _counted(tokenizer, pl.DataFrame({"text": ["a€a\na"]})).row(0, named=True)
    assert (row["tokens"], row["part_tokens"], row["unknown"]) == (7, 4, 0)

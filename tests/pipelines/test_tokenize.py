"""The pipeline `tokenize`: its nodes by their names, its parameters, its entries of the catalog."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from arabic_llm_pipeline.artifacts import DirectoryArtifact
from arabic_llm_pipeline.corpus.records import DOCUMENTS, FEEDBACK, PAIRS, message
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.datasets.token_store import TokenizerFiles, TokenStoreDirectory
from arabic_llm_pipeline.parameters.tokenize import FertilitySettings, TokenizerSettings, TokenizeSettings
from arabic_llm_pipeline.pipelines.tokenize.pipeline import create_pipeline
from arabic_llm_pipeline.tokens.store import TokenStore
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from tests.tokenizers import train_bpe

TEXTS = ["ذهب الولد إلى المدرسة", "عاد الولد إلى البيت مساء", "كتب الدرس في الدفتر " * 40]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = train_bpe(TEXTS, 400, tmp_path_factory.mktemp("base"))
    (folder / "config.json").write_text('{"model_type": "qwen2", "vocab_size": 400}')
    return folder


@pytest.fixture
def catalog(base: Path, tmp_path: Path) -> DataCatalog:
    with ShardWriter(tmp_path / "documents", DOCUMENTS, 2) as writer:
        for i, text in enumerate(TEXTS):
            row = {
                "id": f"p/{i}",
                "source": "p",
                "kind": "prose",
                "dialect": "MSA",
                "split": "dev" if i == 1 else "train",
            }
            writer.add(row | {"messages": [message("document", text)]})
        row = {"id": "c/0", "source": "c", "kind": "instruction", "dialect": "EGY", "split": "train"}
        writer.add(row | {"messages": [message("user", "إزيك؟"), message("assistant", "كويس " * 200)]})
    with ShardWriter(tmp_path / "pairs", PAIRS, 2) as writer:
        row = {"id": "q/0", "source": "q", "dialect": "MSA", "split": "train", "prompt": [message("user", "من؟")]}
        writer.add(row | {"chosen": "هو الولد.", "rejected": "الولد"})
    with ShardWriter(tmp_path / "feedback", FEEDBACK, 2) as writer:
        row = {"id": "f/0", "source": "f", "dialect": "MSA", "split": "train", "prompt": [message("user", "من؟")]}
        writer.add(row | {"completion": "هو الولد.", "label": True})
    entries: dict[str, Any] = {
        "base_model": {"name": "tiny", "hub": None, "path": str(base)},
        "tokenizer_files": None,
        "documents": ShardSet(tmp_path / "documents"),
        "pairs": ShardSet(tmp_path / "pairs"),
        "feedback": ShardSet(tmp_path / "feedback"),
        "params:tokenizer": TokenizerSettings(),
        "params:tokenize": TokenizeSettings(),
        "params:fertility": FertilitySettings(),
        "params:seed": 0,
        "compared_tokenizers": {"again": base},
    }
    for entry in ("tokenizer", "document_tokens", "pair_tokens", "feedback_tokens"):
        (tmp_path / f"{entry}_workspace").mkdir()
        entries[f"{entry}_workspace"] = tmp_path / f"{entry}_workspace"
    made = {name: TokenStoreDirectory(path=_entry(tmp_path, name)) for name in STORES}
    made |= {"tokenizer": DirectoryArtifact(path=_entry(tmp_path, "tokenizer")), "token_summary": MemoryDataset()}
    made["fertility_table"] = MemoryDataset()
    return DataCatalog({name: MemoryDataset(value) for name, value in entries.items()} | made)


STORES = ("document_tokens", "pair_tokens", "feedback_tokens")


def _entry(folder: Path, name: str) -> str:
    return str(folder / "05_model_input" / name / "default")


def test_from_records_to_figures(catalog: DataCatalog, base: Path) -> None:
    SequentialRunner().run(create_pipeline(), catalog)
    assert load_tokenizer(catalog.load("tokenizer")).get_vocab() == load_tokenizer(base).get_vocab()
    train = TokenStore(catalog.load("document_tokens")).split("train")
    summary = json.loads(json.dumps(catalog.load("token_summary")))
    figures = summary["documents"]["train"]["all"]
    assert figures["documents"] == 3
    assert figures["tokens"] == train.count("tokens") == sum(len(train.document(i)[0]) for i in range(3))
    assert figures["loss_tokens"] == sum(int(train.document(i)[1].sum()) for i in range(3))
    assert figures["longest"] == max(len(train.document(i)[0]) for i in range(3))
    lengths = sorted(len(train.document(i)[0]) for i in range(3))
    assert (figures["median"], figures["p95"]) == (lengths[1], lengths[2])
    assert (figures["split_prose"], figures["truncated"]) == (0, 1)
    assert figures["tokens_per_word"] == pytest.approx(figures["tokens"] / (4 + 160 + 1 + 200), abs=1e-4)
    sizes = [*map(len, (TEXTS[0].encode(), TEXTS[2].encode(), "إزيك؟".encode(), ("كويس " * 200).encode()))]
    assert figures["bytes_per_token"] == pytest.approx(sum(sizes) / figures["tokens"], abs=1e-4)
    by_source = summary["documents"]["train"]["by_source"]
    assert {name: row["documents"] for name, row in by_source.items()} == {"c": 1, "p": 2}
    assert summary["documents"]["dev"]["by_dialect"]["MSA"]["documents"] == 1
    assert summary["documents"]["test"]["all"]["tokens_per_word"] is None
    fertility = catalog.load("fertility_table")
    assert fertility["tokenizer"].unique(maintain_order=True).to_list() == ["own", "again"]
    own, again = (fertility.filter(tokenizer=name).drop("tokenizer") for name in ("own", "again"))
    assert own.equals(again)
    assert set(own["group"]) == {"all", "MSA", "EGY"}
    pairs = summary["pairs"]["train"]
    assert (pairs["all"]["pairs"], pairs["all"]["cut"], pairs["left_out"], pairs["window"]) == (1, 0, 0, 256)
    feedback = summary["feedback"]["train"]
    assert (feedback["all"]["feedback"], feedback["all"]["good"], feedback["prompts"]) == (1, 1, 1)


def test_a_directory_instead_of_the_bases_own(
    catalog: DataCatalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train_bpe([text[::-1] for text in TEXTS], 290, tmp_path / "other")
    files = TokenizerFiles()
    files.bind(TokenizerSettings(source="other").directory(tmp_path))
    catalog["tokenizer_files"] = files
    SequentialRunner().run(create_pipeline().only_nodes("make_tokenizer"), catalog)
    assert len(load_tokenizer(catalog.load("tokenizer"))) == 290
    assert "of its 290 tokens have the number that the base model learned them by" in caplog.text
    names = [path.name for path in files.external_files()]
    assert names == ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]


def test_the_bases_own_tokenizer_has_no_files_beside_the_bases(tmp_path: Path) -> None:
    files = TokenizerFiles()
    files.bind(TokenizerSettings().directory(tmp_path))
    assert (files.load(), files.external_files()) == (None, [])
    files.bind(TokenizerSettings(source="nowhere").directory(tmp_path))
    assert files.external_files() == [tmp_path / "nowhere" / "tokenizer.json"]  # what is missing is named


def test_the_shipped_parameters_are_the_defaults(project: Path) -> None:
    shipped = yaml.safe_load((project / "conf" / "base" / "parameters" / "tokenize.yml").read_text(encoding="utf-8"))
    assert TokenizerSettings(**shipped["tokenizer"]) == TokenizerSettings()
    assert TokenizeSettings(**shipped["tokenize"]) == TokenizeSettings()
    for section, model in (("tokenizer", TokenizerSettings), ("tokenize", TokenizeSettings)):
        assert set(shipped[section]) == set(model.model_fields)
        assert all(field.description for field in model.model_fields.values())


def test_the_entry_takes_a_store_and_previews_it(catalog: DataCatalog, tmp_path: Path) -> None:
    SequentialRunner().run(create_pipeline(), catalog)
    entry = TokenStoreDirectory(path=_entry(tmp_path, "document_tokens"))
    assert TokenStore(entry.load()).split("train").ids == ["p/0", "p/2", "c/0"]
    preview = json.loads(entry.preview())
    assert preview["train"]["counts"]["source_ids"] == 3
    assert preview["train"]["source_names"] == ["p", "c"]
    assert TokenStoreDirectory.preview.__annotations__["return"].__name__ == "JSONPreview"

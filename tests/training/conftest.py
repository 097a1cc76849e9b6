"""A base model of some ten thousand weights, its tokenizer, and small stores: made here, from seeds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arabic_llm_pipeline.corpus.records import DOCUMENTS, PAIRS, message
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import DpoSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.parameters.training import LoopSettings, SftSettings
from arabic_llm_pipeline.tokens.writing import write_documents, write_pairs
from arabic_llm_pipeline.training.base import resolve_base
from arabic_llm_pipeline.training.job import Job
from tests.tokenizers import train_bpe

SENTENCE = "ذهب الولد إلى المدرسة صباحا وكتب درسا في دفتر جديد ثم عاد البيت مع صديقه شو عم تعمل هلق كده إزيك"
WORDS = SENTENCE.split()
WINDOW = 48
FULL = ModelSettings(quantization="none")
NF4 = ModelSettings()


def sentence(number: int, words: int) -> str:
    return " ".join(WORDS[(number * 7 + place * (number % 5 + 1)) % len(WORDS)] for place in range(words))


def write(directory: Path, schema: Any, rows: list[dict[str, Any]]) -> ShardSet:
    with ShardWriter(directory, schema, 100) as writer:
        for row in rows:
            writer.add({"dialect": "MSA", "split": "train", **row})
    return ShardSet(directory)


def document_rows() -> list[dict[str, Any]]:
    """Conversations of different lengths, one that is cut, and prose that takes several windows."""
    talks = [
        {
            "id": f"chat/{n}",
            "source": "chat",
            "kind": "instruction",
            "dialect": "EGY" if n % 3 == 0 else "MSA",
            "messages": [message("user", sentence(n, 2 + n % 5)), message("assistant", sentence(n + 3, 1 + n % 4))],
        }
        for n in range(21)
    ]
    long = [message("user", sentence(1, 3)), message("assistant", sentence(2, 60))]
    talks.append({"id": "chat/long", "source": "chat", "kind": "conversation", "messages": long})
    prose = [
        {
            "id": f"wiki/{n}",
            "source": "wiki",
            "kind": "prose",
            "messages": [message("document", sentence(n, 30 + 9 * n))],
        }
        for n in range(8)
    ]
    return talks + prose


def pair_rows() -> list[dict[str, Any]]:
    return [
        {
            "id": f"pref/{n}",
            "source": "pref",
            "prompt": [message("user", sentence(n, 2 + n % 4))],
            "chosen": sentence(n, 5),
            "rejected": sentence(n + 1, 1 + n % 2),
        }
        for n in range(24)
    ]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [sentence(n, 9) for n in range(300)]
    return train_bpe(texts, 400, tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def document_tokens(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    shards = write(folder / "shards", DOCUMENTS, document_rows())
    return write_documents(shards, tokenizer, TokenizeSettings(window=WINDOW, max_prompt=24), folder)


@pytest.fixture(scope="session")
def pair_tokens(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    shards = write(folder / "shards", PAIRS, pair_rows())
    return write_pairs(shards, tokenizer, TokenizeSettings(window=WINDOW, max_prompt=24), folder)


@pytest.fixture(scope="session")
def mixed_documents(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Path:
    """Conversations of two sources and prose, in three dialects, some of them held out."""
    dialects = ("MSA", "EGY", "LEV")
    rows = [
        {**row, "id": f"{row['id']}/{part}", "split": part, "dialect": dialects[number % 3],
         "source": row["source"] if number % 2 else "talk"}
        for part in ("train", "dev")
        for number, row in enumerate(document_rows()[: 30 if part == "train" else 12])
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("mixed_documents")
    return write_documents(
        write(folder / "shards", DOCUMENTS, rows), tokenizer, TokenizeSettings(window=WINDOW, max_prompt=24), folder
    )


@pytest.fixture(scope="session")
def mixed_pairs(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Path:
    """Pairs of two sources, in two dialects, some of them held out."""
    rows = [
        {**row, "id": f"{row['id']}/{part}", "split": part, "dialect": ("MSA", "GLF")[number % 2],
         "source": ("pref", "hope")[number % 3 == 0]}
        for part in ("train", "dev")
        for number, row in enumerate(pair_rows()[: 24 if part == "train" else 7])
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("mixed_pairs")
    return write_pairs(
        write(folder / "shards", PAIRS, rows), tokenizer, TokenizeSettings(window=WINDOW, max_prompt=24), folder
    )


@pytest.fixture(scope="session")
def base_directory(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Path:
    """A Qwen2 with random weights large enough that its words differ."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=400,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=128,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.1,
    )
    directory = tmp_path_factory.mktemp("base") / "tiny"
    Qwen2ForCausalLM(config).save_pretrained(directory)
    for path in tokenizer.iterdir():
        (directory / path.name).write_bytes(path.read_bytes())
    return directory


@pytest.fixture(scope="session")
def base(base_directory: Path) -> dict[str, Any]:
    return resolve_base(ModelSettings(name=str(base_directory)), base_directory)


@pytest.fixture
def job(tmp_path: Path, base: dict, tokenizer: Path, document_tokens: Path, pair_tokens: Path) -> Callable[..., Job]:
    """A job in a workspace of its own, for the settings of a method."""

    def make(settings: LoopSettings, name: str = "work", model: ModelSettings = FULL, **more: Any) -> Job:
        (tmp_path / name).mkdir()
        tokens = pair_tokens if isinstance(settings, DpoSettings) else document_tokens
        told = {
            "tokenizer": tokenizer,
            "tokens": tokens,
            "base": base,
            "seed": 5,
            "lora": AdapterSettings(r=4, alpha=8),
        }
        loop = json.loads(settings.model_dump_json())
        return Job(**{**told, "workspace": tmp_path / name, "settings": loop, "model": model, **more})

    return make


def sft(**more: Any) -> SftSettings:
    return SftSettings(**{"steps": 6, "micro_batch": 4, "save_steps": 2, "learning_rate": 0.01, "warmup": 0.2, **more})


def dpo(**more: Any) -> DpoSettings:
    return DpoSettings(**{"steps": 6, "micro_batch": 4, "save_steps": 2, "learning_rate": 0.005, **more})


class Answers:
    """A channel that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def send(self, kind: str, value: Any) -> None:
        self.sent.append((kind, value))

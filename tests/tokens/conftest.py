"""A tokenizer, conversations and small corpora."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from arabic_llm_pipeline.corpus.records import DOCUMENTS, FEEDBACK, PAIRS, message
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, make_tokenizer
from tests.tokenizers import train_bpe

TEXT = "ذهب الولد إلى المدرسة صباحا وكتب درسا في دفتر جديد ثم عاد البيت مع صديقه شو عم تعمل هلق كده إزيك"


def sentences(count: int) -> list[str]:
    """Texts of the words above, no two alike."""
    words = TEXT.split()
    return [
        " ".join(words[(i * 7 + j * (i % 5 + 1)) % len(words)] for j in range(5 + i % 9)) + f" {i}."
        for i in range(count)
    ]


@pytest.fixture(scope="session")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer directory trained here."""
    return train_bpe(sentences(500), 340, tmp_path_factory.mktemp("bpe"))


@pytest.fixture(scope="session")
def embedded(project: Path) -> Path:
    """The base model that comes with the project."""
    return project / "data" / "01_raw" / "models" / "tiny_arabic_qwen2"


@pytest.fixture(scope="session")
def qwen2(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer of Qwen2, made ready here."""
    return make_tokenizer(shared_data / "qwen2_tokenizer", TokenizerSettings(), tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="session")
def tokenizer(bpe: Path) -> Any:
    return load_tokenizer(bpe)


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., ShardSet]:
    """Writes rows of documents or pairs as shards of three rows."""

    def write(rows: Sequence[dict[str, Any]], name: str = "corpus") -> ShardSet:
        named = {"chosen": PAIRS, "completion": FEEDBACK}
        schema = next((schema for name, schema in named.items() if rows and name in rows[0]), DOCUMENTS)
        with ShardWriter(tmp_path / name, schema, 3) as writer:
            for row in rows:
                writer.add(row)
        return ShardSet(tmp_path / name)

    return write


def document(number: int, text: str, **columns: Any) -> dict[str, Any]:
    """A row of prose."""
    row = {"id": f"wiki/{number}", "source": "wiki", "kind": "prose", "dialect": "MSA", "split": "train"}
    return row | {"messages": [message("document", text)]} | columns


def talk(number: int, question: str, answer: str, **columns: Any) -> dict[str, Any]:
    """A row of instruction."""
    row = {"id": f"chat/{number}", "source": "chat", "kind": "instruction", "dialect": "EGY", "split": "train"}
    return row | {"messages": [message("user", question), message("assistant", answer)]} | columns


def pair(number: int, question: str, chosen: str, rejected: str, **columns: Any) -> dict[str, Any]:
    """A row of preferences."""
    row = {"id": f"pref/{number}", "source": "pref", "dialect": "MSA", "split": "train"}
    return row | {"prompt": [message("user", question)], "chosen": chosen, "rejected": rejected} | columns

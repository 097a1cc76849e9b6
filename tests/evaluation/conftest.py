"""A small tokenizer, a small random model, and small corpora."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.corpus.records import DOCUMENTS, ITEMS, PAIRS
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from tests.tokenizers import train_bpe

TEXTS = [
    "عاصمة مصر القاهرة، وعاصمة سوريا دمشق.",
    "أحمد يحب القراءة والكتابة في المساء.\nثم ينام.",
    "سؤال: ما عاصمة تونس؟\nجواب: تونس",
    "سافرت ليلى إلى بغداد يوم الخميس، وعادت يوم السبت.",
]


@pytest.fixture(scope="session")
def tokenizer_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_bpe(TEXTS, 400, tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def tokenizer(tokenizer_dir: Path) -> Any:
    return load_tokenizer(tokenizer_dir)


@pytest.fixture(scope="session")
def renderer(tokenizer: Any) -> Renderer:
    return Renderer(tokenizer)


@pytest.fixture(scope="session")
def model(tokenizer: Any) -> Any:
    """Random, in float64: a batch and a loop then agree to far more digits than any tolerance here."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=True, initializer_range=0.3,
    )  # fmt: skip
    return Qwen2ForCausalLM(config).double().eval()


def said(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


def item(id_: str, family: str, question: str, *answers: str, split: str = "test", **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "source": "s", "task": "qa", "family": family, "prompt": said(question), "answers": list(answers),
        "dialect": "MSA", "split": split, **more,
    }  # fmt: skip


def items(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=ITEMS)


def prose(id_: str, text: str, dialect: str = "MSA", split: str = "test", **more: Any) -> dict[str, Any]:
    messages = [{"role": "document", "content": text}]
    return {"id": id_, "source": "p", "kind": "prose", "messages": messages, "dialect": dialect, "split": split, **more}


def taught(id_: str, question: str, answer: str, split: str = "train") -> dict[str, Any]:
    messages = [*said(question), {"role": "assistant", "content": answer}]
    return {"id": id_, "source": "t", "kind": "instruction", "messages": messages, "dialect": "MSA", "split": split}


def pair(id_: str, question: str, chosen: str, rejected: str, split: str = "test", **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "source": "d",
        "prompt": said(question),
        "chosen": chosen,
        "rejected": rejected,
        "split": split,
        **more,
    }


def shards(directory: Path, schema: pl.Schema, rows: list[dict[str, Any]], per_shard: int = 3) -> ShardSet:
    with ShardWriter(directory, schema, per_shard) as writer:
        for row in rows:
            writer.add(row)
    return ShardSet(directory)


CAPITALS = {"مصر": "القاهرة", "سوريا": "دمشق", "تونس": "تونس"}
CORPUS = {
    "documents": (
        DOCUMENTS,
        [
            prose("p/1", "ذهبت سلمى إلى السوق صباحًا، ثم عادت إلى البيت."),
            prose("p/2", "كتب المعلّم درسًا جديدًا عن تاريخ المدينة القديمة."),
            prose("p/3", "انا رايح السوق النهارده عشان اشتري عيش.", "EGY"),
            prose("p/4", "لا تُقرأ هذه الوثيقة.", reason="duplicate"),
            prose("p/5", "ولا هذه.", split="train"),
            taught("t/1", "ما عاصمة مصر؟", "القاهرة"),
            taught("t/2", "ما عاصمة لبنان؟", "بيروت"),
            taught("t/3", "اذكر جمع كتاب.", "كتب"),
            taught("t/4", "ما عاصمة قطر؟", "الدوحة", split="test"),
        ],
    ),
    "pairs": (
        PAIRS,
        [
            pair("d/1", "ما عاصمة العراق؟", "العاصمة هي بغداد.", "بغداد"),
            pair("d/2", "ما عاصمة عمان؟", "العاصمة هي مسقط.", "مسقط"),
            pair("d/3", "ما عاصمة قطر؟", "العاصمة هي الدوحة.", "الدوحة"),
            pair("d/4", "تعليم", "نعم.", "لا", split="train"),
            pair("d/5", "متروك", "نعم.", "لا", reason="duplicate"),
        ],
    ),
    "items": (
        ITEMS,
        [
            *(item(f"dev/c{n}", "capital", f"ما عاصمة {place}؟", city, f"العاصمة هي {city}.", split="dev")
              for n, (place, city) in enumerate([*CAPITALS.items(), ("مصر؟", "القاهرة")])),
            *(item(f"test/c{n}", "capital", f"ما عاصمة {place}؟", city, f"العاصمة هي {city}.")
              for n, (place, city) in enumerate([("مصر", "القاهرة"), ("لبنان", "بيروت"), ("قطر", "الدوحة")])),
            item("test/p1", "plural", "ما جمع كتاب؟", "كتب"),
            item("test/p2", "plural", "ما جمع قلم؟"),
        ],
    ),
}  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path) -> dict[str, ShardSet]:
    return {name: shards(tmp_path / name, *given) for name, given in CORPUS.items()}

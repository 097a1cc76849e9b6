"""What a judge takes beside the policy, by hand, before it is trained and when it is there."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import DnoSettings
from arabic_llm_pipeline.training.memory.architecture import make_config
from arabic_llm_pipeline.training.memory.judge import Judge, planned_judge
from arabic_llm_pipeline.training.memory.plan import MIB
from arabic_llm_pipeline.training.memory.table import stage_table
from tests.training.conftest import FULL, NF4

WIDTH, KEYS, INNER, ROWS, LAYERS = 64, 32, 128, 400, 2
LORA = AdapterSettings(r=2, target_modules=("q_proj", "v_proj"))
ADAPTER = 4 * LAYERS * LORA.r * ((WIDTH + WIDTH) + (WIDTH + KEYS))  # in fp32: of q and v
ALL = AdapterSettings(kind="full")
HEAD = WIDTH  # weights of a reward model's
NOWHERE = "data/06_models/sft_reward_adapter/default"


def config(layers: int = LAYERS, *, tied: bool = True) -> dict[str, Any]:
    return {
        "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "vocab_size": ROWS, "hidden_size": WIDTH,
        "num_hidden_layers": layers, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": INNER,
        "max_position_embeddings": 256, "tie_word_embeddings": tied,
    }  # fmt: skip


def linear(layers: int = LAYERS) -> int:
    return layers * (2 * WIDTH * WIDTH + 2 * WIDTH * KEYS + 3 * WIDTH * INNER)


def rest(layers: int = LAYERS) -> int:
    """The embedding once, biases of q, k and v, norms."""
    return ROWS * WIDTH + layers * (WIDTH + 2 * KEYS + 2 * WIDTH) + WIDTH


IN_FOUR_BITS = 0.5 + (1 + 4 / 256) / 64  # bytes a weight, with double quantisation


def directory(path: Path, of: dict[str, Any], weights: bytes = b"weights") -> Path:
    """A base, or a model that was trained as a whole."""
    path.mkdir()
    (path / "config.json").write_text(json.dumps(of), encoding="utf-8")
    (path / "model.safetensors").write_bytes(weights)
    return path


def adapter(path: Path, kind: str, numbers: int, about: dict[str, Any]) -> tuple[Path, int]:
    """An adapter with so many numbers in fp32, and the bytes of its file."""
    path.mkdir()
    (path / "adapter_config.json").write_text(json.dumps({"task_type": kind}), encoding="utf-8")
    (path / "training.json").write_text(json.dumps(about), encoding="utf-8")
    save_file({"lora": np.zeros(numbers, np.float32)}, path / "adapter_model.safetensors")
    return path, (path / "adapter_model.safetensors").stat().st_size


def stands_on(weights: bytes, pointer: dict[str, Any], **held: Any) -> dict[str, Any]:
    """What a reward model says of its base."""
    base = {"name": "base", "hub": None, "quantization": None, **pointer}
    files = {"model.safetensors": hashlib.sha256(weights).hexdigest()}
    how = {"quantization": "none", "double_quantization": False, **held}
    return {"base": files, **how, "from": None, "reward": {"base": base}}


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return directory(tmp_path / "base", config(), b"ours")


@pytest.fixture
def found(base: Path) -> Callable[..., Judge]:
    def ask(judge: Path | str, *, lora: AdapterSettings = LORA, **other: Any) -> Judge:
        told = {"base": base, "model": FULL, **other}
        return planned_judge(str(judge), config=make_config(config()), lora=lora, dtype=torch.bfloat16, **told)

    return ask


def test_a_rule_takes_nothing(found: Callable[..., Judge]) -> None:
    assert found("overlap") == found("arabic") == Judge(0.0, "")


def test_a_reward_model_on_this_base_is_lent_it(found: Callable[..., Judge], base: Path, tmp_path: Path) -> None:
    judge, size = adapter(tmp_path / "judge", "SEQ_CLS", 900, stands_on(b"ours", {"path": str(base)}))
    assert size == pytest.approx(4 * 900, abs=200)
    assert found(judge) == Judge(size, "")
    whole = 2 * (linear() + rest() + HEAD)  # the policy has no base to lend: it trains its own
    assert found(judge, lora=ALL) == Judge(whole + size, "")


def test_one_on_another_base_brings_it(found: Callable[..., Judge], tmp_path: Path) -> None:
    other = directory(tmp_path / "other", config(layers=3), b"theirs")
    about = stands_on(b"theirs", {"path": str(other)}, quantization="nf4", double_quantization=True)
    judge, size = adapter(tmp_path / "judge", "SEQ_CLS", 900, about)
    assert found(judge).held == pytest.approx(linear(3) * IN_FOUR_BITS + 2 * (rest(3) + HEAD) + size)
    about["reward"]["base"]["path"] = "gone"
    (judge / "training.json").write_text(json.dumps(about), encoding="utf-8")
    gone = found(judge)
    assert gone.held == 0
    assert "the judge is not counted" in gone.note
    assert "gone" in gone.note


@pytest.mark.parametrize(("scoring", "head"), [("Qwen2ForSequenceClassification", HEAD), ("Qwen2ForCausalLM", None)])
def test_a_whole_model_is_not_quantised(
    scoring: str, head: int | None, found: Callable[..., Judge], tmp_path: Path
) -> None:
    """A reward model has a head in the place of the output layer, which is as large as the embedding."""
    judge = directory(tmp_path / "judge", {**config(3, tied=False), "architectures": [scoring]})
    wanted = 2 * (linear(3) + rest(3) + (ROWS * WIDTH if head is None else head))
    assert found(judge, model=NF4) == Judge(wanted, "")


def test_what_learned_preferences_is_lent_with_what_it_learned_from(
    found: Callable[..., Judge], tmp_path: Path
) -> None:
    about = {**stands_on(b"ours", {}), "from": {"adapter_model.safetensors": [1234, "of its bytes"]}}
    judge, size = adapter(tmp_path / "judge", "CAUSAL_LM", 900, about)
    assert found(judge) == Judge(size + 1234, "")


@pytest.mark.parametrize(("hub", "lent"), [("owner/ours", True), ("owner/theirs", False)])
def test_a_base_that_is_not_here_is_known_by_its_name(
    hub: str, lent: bool, found: Callable[..., Judge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = directory(tmp_path / "other", config(layers=3))
    monkeypatch.setattr("arabic_llm_pipeline.training.memory.judge.base_path", lambda _: other)
    judge, size = adapter(tmp_path / "judge", "SEQ_CLS", 900, stands_on(b"any", {"hub": hub}))
    model = ModelSettings(name="owner/ours", quantization="none")
    judged = found(judge, base=None, model=model)
    assert judged.held == (size if lent else 2 * (linear(3) + rest(3) + HEAD) + size)
    assert ("by name" in judged.note) == lent
    quantised = found(judge, base=None, model=model.model_copy(update={"quantization": "nf4"}))
    assert quantised.held > 2 * linear(), "held otherwise it is another base"


@pytest.mark.parametrize(
    ("judge", "lora", "wanted"),
    [
        (NOWHERE, LORA, ADAPTER + 4 * HEAD),
        ("data/06_models/sft_dpo_adapter/default", LORA, 2 * ADAPTER),  # and that of sft, which it learned from
        ("data/06_models/dpo_adapter/default", LORA, ADAPTER),
        (NOWHERE, ALL, 2 * (linear() + rest() + HEAD)),
    ],
)
def test_a_stage_that_is_not_trained_counts_as_it_will_be(
    judge: str, lora: AdapterSettings, wanted: int, found: Callable[..., Judge]
) -> None:
    judged = found(judge, lora=lora)
    assert judged.held == wanted
    assert "is not trained yet" in judged.note


@pytest.mark.parametrize("judge", ["data/06_models/nobody_adapter/default", "elsewhere/judge"])
def test_what_nobody_knows_is_told(judge: str, found: Callable[..., Judge]) -> None:
    assert found(judge) == Judge(
        0.0, f"the judge is not counted: there is no {'/'.join(Path(judge).parts[-2:])}, and no stage makes it"
    )


def test_a_directory_that_is_no_judge_is_told(found: Callable[..., Judge], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    judged = found(tmp_path / "empty")
    assert judged.held == 0
    assert "holds neither a reward model nor an adapter" in judged.note


def test_the_table_has_it(base: Path, tmp_path: Path) -> None:
    """A judge so large that it is most of what is held: what it takes more is in the column to the byte."""
    judges = [directory(tmp_path / f"judge-{layers}", config(layers)) for layers in (100, 101)]
    tables = [
        stage_table(
            [("sft_dno", "dno", True, DnoSettings(judge=judge).model_dump())], base, NF4, LORA,
            MemorySettings(limit_gb=4), DeviceSettings(), 64,
        )
        for judge in (*map(str, judges), "elsewhere/judge")
    ]  # fmt: skip
    more = tables[1]["sampling_mib"][0] - tables[0]["sampling_mib"][0]
    a_layer = 2 * (linear(1) + rest(1) - rest(0))
    assert more == pytest.approx(a_layer / MIB, abs=0.11)  # two figures of one digit behind the point
    assert [table["note"][0] for table in tables[:2]] == ["", ""]
    assert "there is no elsewhere/judge" in tables[2]["note"][0]

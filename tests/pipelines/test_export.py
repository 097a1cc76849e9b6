# ruff: noqa: F811
"""From a stage to a model by itself: what is merged is what was trained; the card, and the hub played by a fake."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.parameters.export import ExportSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.pipelines.export.pipeline import create_pipeline
from arabic_llm_pipeline.reporting import push
from arabic_llm_pipeline.training import merge, models
from tests.training.conftest import (  # noqa: F401  fixtures
    FULL,
    NF4,
    base,
    base_directory,
    document_tokens,
    job,
    pair_tokens,
    sft,
    tokenizer,
)
from tests.training.test_methods import trained

IDS = torch.tensor([[5, 90, 17, 33, 250, 8]])
KINDS = {
    "lora": {"r": 8, "alpha": 32},
    "dora": {"kind": "dora", "r": 4},
    "adalora": {"kind": "adalora", "r": 2, "adalora": {"interval": 1}},
    "full": {"kind": "full"},
}
SOURCES = {
    "mine": {
        "path": "x",
        "licence": "CC BY-SA 4.0",
        "format": "jsonl",
        "record": "document",
        "columns": {"text": "text"},
    }
}


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(IDS).logits.float()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_exported_is_what_was_trained(
    job: Callable,
    base: dict,
    tokenizer: Path,
    tmp_path: Path,
    kind: str,
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = FULL if kind == "full" else NF4
    stage = trained(job, sft(steps=6, learning_rate=0.02), "stage", model, lora=KINDS[kind]).finished / "result"
    told = merge.merge(base, stage, tokenizer, model, ExportSettings(dtype="float32", shard_gb=1e-4), tmp_path / "out")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    ours = models.load_candidate(base, stage, model)
    torch.testing.assert_close(logits(plain), logits(ours), rtol=1e-3, atol=1e-4)
    moved = (logits(ours) - logits(models.load_candidate(base, None, model))).abs().mean()
    assert moved > 0.02
    assert told["difference"]["mean"] < 1e-4 < moved
    assert told["difference"]["same_first_choice"] == 1
    assert len(list((tmp_path / "out").glob("*.safetensors"))) > 1, "it is in shards"
    assert "quantization_config" not in json.loads((tmp_path / "out/config.json").read_text())
    assert plain.config.tie_word_embeddings
    turns = AutoTokenizer.from_pretrained(tmp_path / "out").apply_chat_template(
        [{"role": "user", "content": "اكتب"}], add_generation_prompt=True, return_dict=False
    )
    assert turns[-1] != turns[0]
    assert sorted(plain.generation_config.eos_token_id) == [1, 3]
    assert plain.generation_config.pad_token_id == 0


def test_merged_into_four_bits_it_would_be_lost(job: Callable, base: dict, tmp_path: Path) -> None:
    """Why there are two ways: into the original weights there is the gap of quantisation, into NF4 the adapter goes."""
    from peft import PeftModel

    stage = trained(job, sft(steps=4), "stage", NF4).finished / "result"
    wanted = logits(models.load_candidate(base, stage, NF4))
    gaps = {
        onto: (logits(merge.merged(base, stage, NF4, onto)) - wanted).abs().mean()
        for onto in ("dequantized", "original")
    }
    lost = PeftModel.from_pretrained(models.load_base(base, NF4), stage).merge_and_unload()
    assert gaps["dequantized"] < 1e-4
    assert gaps["original"] > 100 * gaps["dequantized"]
    assert (logits(lost) - wanted).abs().mean() > 100 * gaps["dequantized"]
    with pytest.raises(UserError, match=r"comes quantised \(nf4\), the weights before that are not there"):
        merge.merge({**base, "quantization": "nf4"}, stage, tmp_path, NF4, ExportSettings(onto="original"), tmp_path)


def test_what_vllm_takes(tmp_path: Path, job: Callable) -> None:
    """By the checks of its PEFTHelper; lists of layers are lists, and AdaLoRA is LoRA by then."""
    plain = trained(job, sft(steps=1), "plain").finished / "result"
    ada = trained(job, sft(steps=3), "ada", lora=KINDS["adalora"]).finished / "result"
    assert merge.vllm_lacks(plain) == merge.vllm_lacks(ada) == []
    assert (merge.vllm_rank(plain), merge.vllm_rank(ada)) == (8, 8)
    config = json.loads((plain / "adapter_config.json").read_text())
    told = {"use_dora": True, "modules_to_save": ["lm_head"], "target_modules": "all-linear", "r": 1000}
    write_json(tmp_path / "adapter_config.json", {**config, **told})
    assert [words.split()[0] for words in merge.vllm_lacks(tmp_path)] == ["DoRA", "modules", "an", "rank"]
    assert merge.vllm_lacks(tmp_path / "whole") == []


@pytest.fixture
def exported(job: Callable, base: dict, base_directory: Path, tokenizer: Path, tmp_path: Path) -> Path:
    (base_directory / "README.md").write_text("---\nlicense: apache-2.0\n---\nA base.\n", encoding="utf-8")
    stage = trained(job, sft(steps=1), "stage").finished / "result"
    write_json(stage / "artifact.json", {"parameters": {"params:sft": {"learning_rate": 0.01}}})
    scores = {
        "format": "chat", "quantization": "none", "stopped": 0.75,
        "accuracy": [{"family": "plural|x", "items": 4, "strict": 0.5, "interval": [0.15, 0.85]}],
        "preference": {"sum_accuracy": None},
    }  # fmt: skip
    of = {"measure": "perplexity", "metric": "bits_per_byte", "by": "dialect", "view": "text", "items": 3}
    language = [
        of | {"group": "EGY", "value": 1.23456, "low": 1.1, "high": 1.4},
        of | {"group": "LEV", "value": None, "low": None, "high": None},
    ]
    given = {
        "workspace": tmp_path, "base_model": base, "tokenizer": tokenizer, "adapter": stage, "model": FULL,
        "settings": ExportSettings(name="نموذج <b>"), "sources": Sources.model_validate(SOURCES),
        "facts": {"sft_scores": scores, "sft_language": language},
    }  # fmt: skip
    [node] = create_pipeline("sft", False).nodes
    by_entry = {entry: given[argument] for argument, entry in node._inputs.items()}
    return node.run(by_entry)["exported_model"]


def test_the_card_says_what_is_known(exported: Path) -> None:
    text = (exported / "README.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    told = yaml.safe_load(head)
    assert (told["license"], told["license_name"]) == ("other", "apache-2.0 AND cc-by-sa-4.0")
    assert told["language"] == ["ar"]
    assert body.strip().startswith("# نموذج \\<b\\>")
    for words in ("sft.learning\\_rate | 0.01", "50.00 % | 15.00 % to 85.00 %", "1.235 | 1.1 to 1.4",
                  "data: mine | CC BY-SA 4.0", "base: ", "--max-lora-rank 8", "plural\\|x", "75.00 %",
                  "not measured", "## Limits"):  # fmt: skip
        assert words in body, words
    assert "LEV" not in body


def test_the_pipeline(project: Path) -> None:
    made = create_pipeline("sft_dpo", True)
    assert {"sft_adapter", "sft_dpo_adapter", "sft_dpo_facts", "params:export.push_to"} <= made.inputs()
    assert made.outputs() == {"pushed_model"}
    assert create_pipeline("sft", False).outputs() == {"exported_model"}
    with pytest.raises(UserError, match=r"export\.stage=sft_x: there is no such stage"):
        create_pipeline("sft_x", False)
    with pytest.raises(ValueError, match="owner/name"):
        ExportSettings(push_to="name")


def test_pushed_only_with_a_token_that_nobody_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture
) -> None:
    calls: list[tuple[str, Any]] = []

    class Hub:
        def __init__(self, token: str):
            calls.append(("token", token))

        def create_repo(self, name: str, **options: Any) -> None:
            calls.append(("create", (name, options)))

        def upload_folder(self, **options: Any) -> Any:
            calls.append(("upload", options))
            if options["repo_id"] == "me/none":
                raise OSError("401 for hf_secret\nand more")
            return type("Done", (), {"oid": "abc", "commit_url": "https://hub/me/model/commit/abc"})

    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "artifact.json").write_text("{}")
    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(UserError, match="set HF_TOKEN"):
        push.push(tmp_path, "me/model", True)
    assert calls == []
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    done = push.push(tmp_path, "me/model", True)
    assert done["files"] == ["config.json"]
    assert calls[0] == ("token", "hf_secret")
    assert calls[1] == ("create", ("me/model", {"private": True, "exist_ok": True}))
    assert calls[2][1]["ignore_patterns"] == ["artifact.json"]
    with pytest.raises(UserError) as raised:
        push.push(tmp_path, "me/none", False)
    said = json.dumps(done) + str(raised.value) + caplog.text + "".join(capsys.readouterr())
    assert "hf_secret" not in said
    assert "401 for ..." in str(raised.value)

"""A training step against a bare PyTorch loop and against plain TRL; NF4 against none, packed against padded.

    python benchmarks/training.py --rounds 5
    python benchmarks/training.py --rounds 5 --method dpo --micro-batch 8

Conversations of words of random letters, as long as instructions are, are tokenised to a store. Each measurement is a
process of its own that loads the base, trains --steps steps and says how long they took from the end of the first on;
which of them comes first changes from round to round. Ratios are of seconds for the same tokens, and of the most memory
the process held. `bare` has the very batches of `stage` in memory, and only forward, backward, clipping and AdamW: of
SFT it sends only what is learned through the output layer, as the stages do. `trl` is TRL's trainer on the same texts in
the same order, as its documentation sets it up. Prints a markdown table.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()
PROJECT = Path(__file__).parents[1]
BASE = PROJECT / "data/01_raw/models/tiny_arabic_qwen2"
BASES = {"sft": ("bare", "trl", "lora", "packed"), "dpo": ("bare", "trl", "lora")}  # each beside `stage`
WORDS, ASKED, ANSWERED = 3_000, 14, 32  # of the language; words of a question and of an answer, by the median
LEARNING_RATE, R, ALPHA = 1e-3, 16, 32


def conversations(count: int) -> Iterator[tuple[str, str, str]]:
    """A question and two answers, with lengths as skewed as those of instructions."""
    import numpy as np

    rng = np.random.default_rng(0)
    letters = [chr(point) for point in range(0x0621, 0x064B) if not 0x063B <= point <= 0x0640]
    words = np.array(["".join(rng.choice(letters, length)) for length in rng.integers(2, 6, WORDS)])

    def text(median: int) -> str:
        length = int(np.clip(rng.lognormal(np.log(median), 0.6), 3, 4 * median))
        return " ".join(words[np.minimum(rng.zipf(1.3, length) - 1, WORDS - 1)])

    for _ in range(count):
        yield text(ASKED), text(ANSWERED), text(ANSWERED)


def write_stores(folder: Path, count: int) -> None:
    """The same conversations as documents and as pairs."""
    from arabic_llm_pipeline.corpus.records import DOCUMENTS, PAIRS, message
    from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
    from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings, TokenizeSettings
    from arabic_llm_pipeline.tokens.tokenizer import make_tokenizer
    from arabic_llm_pipeline.tokens.writing import write_documents, write_pairs

    told = {"source": "bench", "dialect": "MSA", "split": "train"}
    documents = ShardWriter(folder / "documents_shards", DOCUMENTS, 64_000)
    pairs = ShardWriter(folder / "pairs_shards", PAIRS, 64_000)
    with documents, pairs:
        for i, (question, chosen, rejected) in enumerate(conversations(count)):
            asked = [message("user", question)]
            whole = [*asked, message("assistant", chosen)]
            documents.add({"id": f"bench/{i}", "kind": "instruction", "messages": whole} | told)
            pairs.add({"id": f"bench/{i}", "prompt": asked, "chosen": chosen, "rejected": rejected} | told)
    tokenizer = make_tokenizer(BASE, TokenizerSettings(), folder / "tokenizer")
    settings = TokenizeSettings(window=256)
    write_documents(ShardSet(folder / "documents_shards"), tokenizer, settings, folder)
    write_pairs(ShardSet(folder / "pairs_shards"), tokenizer, settings, folder)


class Clock:
    """When each step ended; a channel, as stages have one to their parent."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.tokens: list[int] = []

    def step(self, tokens: int) -> None:
        self.ends.append(time.perf_counter())
        self.tokens.append(tokens)

    def send(self, kind: str, value: Any) -> None:
        if kind == "row":
            self.step(value["tokens"] - sum(self.tokens))

    def told(self) -> dict[str, float]:
        """Seconds a thousand tokens after the first step, seconds to its end, and MB held at most."""
        seconds, tokens = self.ends[-1] - self.ends[0], sum(self.tokens[1:])
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"rate": 1000 * seconds / tokens, "first": self.ends[0] - STARTED, "memory": held}


def job(folder: Path, asked: argparse.Namespace, quantization: str, packing: bool) -> Any:
    """What a stage is told."""
    from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
    from arabic_llm_pipeline.training.base import resolve_base
    from arabic_llm_pipeline.training.job import Job

    settings = {"steps": asked.steps, "micro_batch": asked.micro_batch, "learning_rate": LEARNING_RATE, "save_steps": 10_000}
    model = ModelSettings(quantization=quantization)
    return Job(
        workspace=Path(tempfile.mkdtemp(dir=folder)), tokenizer=folder / "tokenizer",
        tokens=folder / ("documents" if asked.method == "sft" else "pairs"),
        settings=settings | ({"packing": packing} if asked.method == "sft" else {}),
        model=model, seed=0, base=resolve_base(model, model.directory(PROJECT)), lora=AdapterSettings(r=R, alpha=ALPHA),
    )  # fmt: skip


def stage(told: Any, method: str, clock: Clock) -> None:
    """Ours, as a run starts it, but for the process."""
    from arabic_llm_pipeline.training.methods import preference, sft

    (sft.train if method == "sft" else preference.train_dpo)(told, clock)


def rows_of(told: Any, method: str) -> tuple[Any, list[int]]:
    """The rows of a stage, and their order."""
    from arabic_llm_pipeline.parameters.preference import DpoSettings
    from arabic_llm_pipeline.parameters.training import SftSettings
    from arabic_llm_pipeline.training.batches import DocumentRows
    from arabic_llm_pipeline.training.preference_batches import PairRows
    from arabic_llm_pipeline.training.schedule import schedule

    kinds = {"sft": (SftSettings, DocumentRows), "dpo": (DpoSettings, PairRows)}
    settings_of, rows_kind = kinds[method]
    settings = settings_of(**told.settings)
    rows = rows_kind(told.tokens, settings, 1 << 30, told.seed)
    return rows, schedule(rows.passes, settings, told.seed).order().tolist()


def bare(told: Any, method: str, clock: Clock) -> None:
    """The least that a loop must do, on batches that are made before."""
    import torch

    from arabic_llm_pipeline.training import finish

    torch.manual_seed(0)
    model = finish.stage_model(told)
    rows, order = rows_of(told, method)
    size = told.settings["micro_batch"]
    batches = [rows.collate(order[at : at + size]) for at in range(0, len(order), size)]
    trained = [part for part in model.parameters() if part.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0.0)
    loss_of = documents_loss if method == "sft" else pairs_loss
    model.train()
    for batch in batches:
        tokens = batch.pop("tokens")
        loss = loss_of(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()
        clock.step(tokens)


def documents_loss(model: Any, batch: dict[str, Any]) -> Any:
    """Cross-entropy of what is learned, and the output layer on that alone."""
    import torch

    inner = model.get_base_model()
    hidden = inner.model(input_ids=batch["input_ids"], position_ids=batch["position_ids"]).last_hidden_state[:, :-1]
    labels = batch["labels"][:, 1:]
    learned = labels != -100
    return torch.nn.functional.cross_entropy(inner.lm_head(hidden[learned]).float(), labels[learned])


def pairs_loss(model: Any, batch: dict[str, Any]) -> Any:
    """DPO with the base as reference, and the output layer on the answers alone."""
    import torch

    inner = model.get_base_model()
    ids, answers = batch["input_ids"], batch["completion_mask"][:, 1:].bool()

    def scores() -> torch.Tensor:
        told = {"input_ids": ids, "attention_mask": batch["attention_mask"]}
        hidden = inner.model(**told).last_hidden_state[:, :-1]
        found = inner.lm_head(hidden[answers]).float().log_softmax(-1)
        found = found.gather(1, ids[:, 1:][answers][:, None])[:, 0]
        return torch.zeros(answers.shape).masked_scatter(answers, found).sum(1)

    with torch.no_grad(), model.disable_adapter():
        reference = scores()
    chosen, rejected = (scores() - reference).chunk(2)
    return -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)).mean()


def plain_trl(told: Any, method: str, clock: Clock) -> None:
    """TRL's own trainer, data and all."""
    import torch
    import transformers
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    from arabic_llm_pipeline.training.families import LLAMA_LIKE

    held = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32
    )
    model = AutoModelForCausalLM.from_pretrained(BASE, quantization_config=held, dtype=torch.float32)
    lora = LoraConfig(r=R, lora_alpha=ALPHA, target_modules=list(LLAMA_LIKE), task_type="CAUSAL_LM")
    common = {
        "output_dir": str(told.workspace), "per_device_train_batch_size": told.settings["micro_batch"],
        "max_steps": told.settings["steps"], "learning_rate": LEARNING_RATE, "logging_steps": 1, "bf16": False,
        "use_cpu": True, "gradient_checkpointing": False, "save_strategy": "no", "report_to": "none",
        "disable_tqdm": True, "dataloader_pin_memory": False, "max_length": 256,
        "train_sampling_strategy": "sequential",
    }  # fmt: skip
    texts = list(islice(conversations(told.settings["steps"] * told.settings["micro_batch"] * 2), 1 << 30))
    _, order = rows_of(told, method)
    texts = [texts[row] for row in order]
    tokenizer = AutoTokenizer.from_pretrained(told.tokenizer)

    class Steps(transformers.TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if "loss" in state.log_history[-1]:
                clock.step(0)

    prompts = [[{"role": "user", "content": question}] for question, _, _ in texts]
    answers = [[[{"role": "assistant", "content": text}] for text in column] for column in list(zip(*texts, strict=True))[1:]]
    if method == "sft":
        data = Dataset.from_dict({"prompt": prompts, "completion": answers[0]})
        trainer = SFTTrainer(
            model, SFTConfig(**common), train_dataset=data, processing_class=tokenizer, peft_config=lora
        )
    else:
        data = Dataset.from_dict({"prompt": prompts, "chosen": answers[0], "rejected": answers[1]})
        trainer = DPOTrainer(
            model, args=DPOConfig(**common), train_dataset=data, processing_class=tokenizer, peft_config=lora
        )
    trainer.add_callback(Steps())
    trainer.train()


def one(what: str, folder: Path, asked: argparse.Namespace) -> None:
    """A single measurement, on standard output."""
    import torch

    from arabic_llm_pipeline.training.quiet import offline

    offline()
    torch.set_num_threads(asked.threads)
    told, clock = job(folder, asked, "none" if what == "lora" else "nf4", what == "packed"), Clock()
    {"bare": bare, "trl": plain_trl}.get(what, stage)(told, asked.method, clock)
    if what == "trl":  # it counts padding as tokens: they are those of the same rows
        rows, order = rows_of(told, asked.method)
        size = asked.micro_batch
        clock.tokens = [rows.collate(order[at : at + size])["tokens"] for at in range(0, len(order), size)]
    print(json.dumps(clock.told()))


def measured(what: str, folder: Path, asked: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", what, "--folder", str(folder), "--method", asked.method]
    command += [f"--{name.replace('_', '-')}={getattr(asked, name)}" for name in ("steps", "micro_batch", "threads")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def shown(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=("sft", "dpo"), default="sft")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--micro-batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        return one(asked.one, asked.folder, asked)
    names = ("stage", *BASES[asked.method])
    with tempfile.TemporaryDirectory() as folder:
        write_stores(Path(folder), 2 * asked.steps * asked.micro_batch)
        rounds = []
        for number in range(asked.rounds):
            turn = names[number % len(names) :] + names[: number % len(names)]
            rounds.append({name: measured(name, Path(folder), asked) for name in turn})
    print(f"| {asked.method} | s for 1,000 tokens | stage / this | MB at most | stage / this | s to the first step |")
    print("|---|--:|--:|--:|--:|--:|")
    for name in names:
        middle = {key: statistics.median(found[name][key] for found in rounds) for key in ("rate", "memory", "first")}
        ratio = {key: shown([found["stage"][key] / found[name][key] for found in rounds]) for key in ("rate", "memory")}
        print(
            f"| {name} | {middle['rate']:.3f} | {ratio['rate']} | {middle['memory']:,.0f} | {ratio['memory']} "
            f"| {middle['first']:.1f} |"
        )


if __name__ == "__main__":
    main()

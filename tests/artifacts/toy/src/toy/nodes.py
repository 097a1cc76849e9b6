"""The nodes."""

import os
import time
from pathlib import Path

from toy.parameters import Clean, Dpo, Train

SHARD_LINES = 2


def clean(workspace: Path, raw: str, settings: Clean) -> tuple[Path, Path]:
    from toy.rules.clean import clean as rule

    documents, rejects = workspace / "documents", workspace / "rejects"
    lines = raw.splitlines()
    for place, wanted in ((documents, True), (rejects, False)):
        place.mkdir(exist_ok=True)
        for number in range(0, len(lines), SHARD_LINES):
            _shard(place / f"shard-{number:05d}.txt", lines[number : number + SHARD_LINES], wanted, settings, rule)
    return documents, rejects


def _shard(target: Path, lines: list[str], wanted: bool, settings: Clean, rule) -> None:
    if target.exists():
        return
    time.sleep(float(os.environ.get("STEP_S", "0")))
    kept = [rule(line, settings.min_length) or f"! {line}" for line in lines]
    target.write_text("\n".join(line for line in kept if wanted != line.startswith("!")))
    with Path("shards.txt").open("a", encoding="utf-8") as file:
        file.write(f"{target.parent.name}/{target.name}\n")


def count(documents: list[Path]) -> dict[str, int]:
    return {path.name: len(path.read_text().split()) for path in documents}


def table(counts: dict[str, int]) -> dict[str, int]:
    return {**counts, "total": sum(counts.values())}


def sft(workspace: Path, documents: list[Path], settings: Train) -> tuple[Path, list]:
    from toy.training import train

    text = " ".join(path.read_text() for path in documents)
    return train(workspace, f"{text}", settings.steps, settings.rate)


def dpo(workspace: Path, adapter: Path, settings: Dpo) -> tuple[Path, list]:
    from toy.training import train

    begin = (adapter / "adapter.txt").read_text()
    return train(workspace, f"{begin} {settings.beta}", settings.steps, settings.rate)


def report(adapter: Path, log: list, counts: dict[str, int]) -> str:
    from toy.pages.render import render

    scores = (adapter / "adapter.txt").read_text()[:8]
    return render(scores=scores, loss=log[-1]["loss"] + counts["total"])

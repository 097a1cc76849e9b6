"""Stands for real training: a state that depends on every step, and a checkpoint after each."""

import hashlib
import json
import os
import time
from pathlib import Path


def train(workspace: Path, begin: str, steps: int, rate: float) -> tuple[Path, list[dict[str, object]]]:
    checkpoint = workspace / "checkpoint.json"
    state, log = json.loads(checkpoint.read_text()) if checkpoint.exists() else (begin, [])
    for step in range(len(log) + 1, steps + 1):
        time.sleep(float(os.environ.get("STEP_S", "0")))
        state = hashlib.sha256(f"{state} {step} {rate}".encode()).hexdigest()
        log.append({"step": step, "loss": int(state[:4], 16)})
        new = checkpoint.with_suffix(".new")
        new.write_text(json.dumps([state, log]))
        new.replace(checkpoint)
    final = workspace / "final"
    final.mkdir(exist_ok=True)
    (final / "adapter.txt").write_text(state)
    return final, log

"""How long it takes until a command does its work: against the interpreter with Kedro's own command line imported.

    python benchmarks/starting.py

Needs a finished `kedro run`. Commands are interleaved over several rounds; medians of the clock. Prints a table.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]
KEDRO = [sys.executable, "-m", "kedro"]
FIRST_NODE = "first node"
TOLD = f"""
import sys
from kedro.pipeline.node import Node
run = Node.run
def told(self, *arguments, **named):
    print("{FIRST_NODE}", flush=True)
    return run(self, *arguments, **named)
Node.run = told
from kedro.framework.cli.cli import main
sys.argv[0] = "kedro"
main()
"""  # Kedro's command, saying when it comes to a node
COMMANDS = {
    "python, importing Kedro's command line": [sys.executable, "-c", "import kedro.framework.cli.cli"],
    "kedro registry list": [*KEDRO, "registry", "list"],
    "kedro artifacts": [*KEDRO, "artifacts"],
    "kedro run, all up to date": [*KEDRO, "run"],
    "kedro run --pipelines=preprocess, all to do: to its first node": [
        sys.executable,
        "-c",
        TOLD,
        "run",
        "--pipelines=preprocess",
        "--params=rerun=true,experiment=starting",
    ],
}


def seconds(command: list[str], until: str | None) -> float:
    """Wall time until the command ends, or says a line."""
    started = time.perf_counter()
    environment = {**os.environ, "KEDRO_DISABLE_TELEMETRY": "1"}
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            if until and line.strip() == until:
                took = time.perf_counter() - started
                process.communicate()
                return took
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    took: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            took[name].append(seconds(command, FIRST_NODE if TOLD in command else None))
    print("| command | median s | from | to |\n|---|--:|--:|--:|")
    for name, times in took.items():
        print(f"| {name} | {statistics.median(times):.2f} | {min(times):.2f} | {max(times):.2f} |")


if __name__ == "__main__":
    main()

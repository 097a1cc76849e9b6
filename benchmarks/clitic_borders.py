"""Tokenizers against words that were divided by hand: python benchmarks/clitic_borders.py name=directory ...

The words are tests/arabic/clitics_gold.txt, each once. `cut`: words with clitics that have a token border at each of
them; `kept`: clitics' borders where a token begins; `precise`: token borders inside words that are a clitic's.
Also: seconds of CPU for a thousand different words, which is what patterns of clitics cost where nothing is remembered.
"""

import sys
import time
from pathlib import Path

from arabic_llm_pipeline.tokens.borders import count_borders
from arabic_llm_pipeline.tokens.fertility import load

GOLD = Path(__file__).parents[1] / "tests" / "arabic" / "clitics_gold.txt"
ROUNDS = 20


def main(told: list[str]) -> None:
    """Print a line for each tokenizer."""
    lines = [line for line in GOLD.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    words = {tuple(line.split("+")): 1 for line in lines}
    print(f"{'tokenizer':20} {'tokens a word':>13} {'cut':>6} {'kept':>6} {'precise':>8} {'CPU ms / 1000 words':>20}")
    for name, _, directory in (one.partition("=") for one in told):
        tokenizer = load(name, Path(directory))
        found = count_borders(tokenizer, words)
        texts = [f" {''.join(parts)}{i}" for parts in words for i in range(ROUNDS)]
        begun = time.process_time()
        tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        cost = (time.process_time() - begun) / len(texts) * 1e6
        shares = (
            found["cut_words"] / found["clitic_words"],
            found["kept_borders"] / found["clitic_borders"],
            found["kept_borders"] / found["token_borders"],
        )
        a_word = 1 + found["token_borders"] / len(words)
        print(f"{name:20} {a_word:13.2f} {shares[0]:6.1%} {shares[1]:6.1%} {shares[2]:8.1%} {cost:20.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])

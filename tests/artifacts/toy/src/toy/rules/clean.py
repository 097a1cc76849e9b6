"""Rules and a lexicon."""

from pathlib import Path

LEXICON = Path(__file__).parent / "data" / "stop.txt"


def clean(line: str, min_length: int) -> str | None:
    """Lower case, no stop words; None for what is too short."""
    stop = set(LEXICON.read_text(encoding="utf-8").split())
    words = [word for word in line.lower().split() if word not in stop]
    return " ".join(words) if len(words) >= min_length else None

"""Is a record in one of the wanted languages? By what it says of itself, else by the script that it is written in."""

import re
from collections.abc import Sequence
from typing import Any

from arabic_llm_pipeline.corpus.records import MANY, RefusedError

SEEN = 2_000  # characters of each text that the script is told by
ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")
# ISO 639 codes of languages that are written in Arabic letters: Arabic and its dialects, and others.
ARABIC_SCRIPT = frozenset(
    {"ar", "ara", "arb", "arz", "ary", "arq", "aeb", "acm", "acq", "acw", "acx", "aec", "afb", "ajp", "apc", "apd"}
    | {"ars", "ayl", "ayn", "ckb", "fa", "fas", "pes", "prs", "ps", "pbt", "sd", "snd", "ug", "uig", "ur", "urd"}
)


def check(row: dict[str, Any], languages: Sequence[str]) -> None:
    """Refuse a record in another language.

    Args:
        row: of any table; `lang` where it is known, with or without what follows a hyphen or underscore.
        languages: the wanted ones; none: all.

    Raises:
        RefusedError: it is in none of them.
    """
    lang = row.get("lang")
    if not languages or lang == MANY:
        return
    if lang:
        wanted = lang in languages or lang.replace("_", "-").partition("-")[0] in languages
    else:
        wanted = in_arabic_letters(_texts(row)) in {language in ARABIC_SCRIPT for language in languages}
    if not wanted:
        raise RefusedError("other_language")


def in_arabic_letters(texts: Sequence[str]) -> bool:
    """Whether at least half of the letters that texts begin with are Arabic ones."""
    letters = "".join(letter for text in texts for letter in text[:SEEN] if letter.isalpha())
    return 2 * len(ARABIC.findall(letters)) >= len(letters)


def _texts(row: dict[str, Any]) -> list[str]:
    turns = row.get("messages") or row.get("prompt") or []
    answers = [row[name] for name in ("chosen", "rejected", "completion") if row.get(name)]
    return [*(turn["content"] for turn in turns), *answers]

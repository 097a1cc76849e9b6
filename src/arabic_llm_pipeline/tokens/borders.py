"""Whether tokens end where clitics do."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Parts = tuple[str, ...]


def count_borders(tokenizer: "Tokenizer", words: Mapping[Parts, int]) -> dict[str, int]:
    """How the borders inside words that a tokenizer makes lie to those of clitics.

    Args:
        tokenizer: what cuts; each word stands behind a space, as in running text.
        words: the pieces of each word, and how often it is found.

    Returns:
        clitic_words (that have clitics), cut_words (of these, with a token border at each of their clitics' borders),
        clitic_borders, kept_borders (of these, where a token begins), token_borders (inside any words).
    """
    found = Counter(dict.fromkeys(("clitic_words", "cut_words", "clitic_borders", "kept_borders", "token_borders"), 0))
    encodings = tokenizer.encode_batch([f" {''.join(parts)}" for parts in words], add_special_tokens=False)
    for (parts, count), encoding in zip(words.items(), encodings, strict=True):
        made = {begin - 1 for begin, _ in encoding.offsets if begin > 1}
        wanted = set(_borders(parts))
        found["token_borders"] += count * len(made)
        found["clitic_borders"] += count * len(wanted)
        found["kept_borders"] += count * len(wanted & made)
        found["clitic_words"] += count * bool(wanted)
        found["cut_words"] += count * bool(wanted and wanted <= made)
    return dict(found)


def _borders(parts: Parts) -> Iterable[int]:
    place = 0
    for part in parts[:-1]:
        place += len(part)
        yield place

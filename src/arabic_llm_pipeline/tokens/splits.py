"""Where a text is split before tokens are learned or looked up: no token goes over such a border."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers.pre_tokenizers import PreTokenizer

# As Qwen2's pattern, but marks are letters: those of Qwen2, Llama 3 and GPT-4 begin a new piece at every diacritic.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{M}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def qwen2_pattern() -> str:
    """The pattern that transformers puts in the place of any other for models of type qwen2."""
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    return PRETOKENIZE_REGEX


def splitter(patterns: Sequence[str]) -> "PreTokenizer":
    """A pre-tokenizer that cuts out all matches of a pattern, then in each piece those of the next, and so on."""
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns])


def byte_splitter(patterns: Sequence[str]) -> "PreTokenizer":
    """The same, which ends in bytes: how a tokenizer's file has it."""
    from tokenizers import Regex, pre_tokenizers

    steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])

"""What a tokenizer directory is tried on before anything is made with it."""

import csv
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.tokens.chat import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ARABIC_ANSWER = "\u0646\u0639\u0645."  # NOON, AIN, MEEM: yes
SPACES = ("", " ", "\n", " \n\n  x\r\n\ty ", "a\u00a0b\u200c\u200db")  # tables cannot hold them


@cache
def probes() -> tuple[str, ...]:
    """Strings on which tokenizers are known to differ."""
    with (files(__package__) / "data" / "probes.tsv").open(encoding="utf-8") as table:
        return (*(row["text"] for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)), *SPACES)


def check_ids(directory: Path, model_type: str | None, source: Path | None = None) -> None:
    """Make sure that a tokenizer gives the same ids however it is loaded.

    transformers replaces the pre-tokenizer of some types of models without a word, whatever tokenizer.json says.

    Args:
        directory: of the tokenizer.
        model_type: of the model it is for: the type in config.json decides what AutoTokenizer builds.
        source: the tokenizer.json it was made from, if there is one.

    Raises:
        UserError: it does not; says for which text.
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as folder:
        for path in directory.iterdir():
            (Path(folder) / path.name).symlink_to(path.resolve())
        if model_type:
            write_json(Path(folder) / "config.json", {"model_type": model_type})
        auto = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    texts = list(probes())
    wanted = [auto(text, add_special_tokens=False).input_ids for text in texts]
    for path in filter(None, (directory / "tokenizer.json", source)):
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
            tokenizer.no_truncation()
            tokenizer.no_padding()
            found = tokenizer.encode_batch(texts, add_special_tokens=False)
            _compare(path, model_type, wanted, [encoding.ids for encoding in found])


def _compare(path: Path, model_type: str | None, wanted: list[list[int]], found: list[list[int]]) -> None:
    for text, auto, own in zip(probes(), wanted, found, strict=True):
        if auto != own:
            raise UserError(
                f"{path} gives other ids than AutoTokenizer for {text!r}: {own[:8]} and {auto[:8]}. transformers puts "
                f"its own splitting in the place of the file's for models of type {model_type}. Train a tokenizer with "
                "that splitting (tokenizer_training.split=qwen2), or give the model another type."
            )


def check_turns(tokenizer: "PreTrainedTokenizerFast") -> None:
    """Make sure that, by the template, an answer follows its prompt, is learned, and so is the token that ends it.

    Raises:
        UserError: one of these is not so.
    """
    for answer in ("1", ARABIC_ANSWER):
        _check_turn(tokenizer, answer)


def _check_turn(tokenizer: "PreTrainedTokenizerFast", said: str) -> None:
    renderer = Renderer(tokenizer)
    prompt = [{"role": "user", "content": "?"}]
    ids, mask = renderer.conversations([[*prompt, {"role": "assistant", "content": said}]])[0]
    begun, answer = renderer.prompts([prompt])[0], renderer.answers([prompt], [said])[0]
    learned = ids[mask == 1]
    if ids[: len(begun) + len(answer)].tolist() != [*begun, *answer] or learned.tolist() != answer.tolist():
        shown = [tokenizer.convert_ids_to_tokens(part.tolist()) for part in (learned, answer)]
        raise UserError(
            f"By the chat template, what is learned is not what follows the prompt: {shown[0]} and {shown[1]}. Set "
            "tokenizer.template to another."
        )
    if int(answer[-1]) not in tokenizer.all_special_ids + list(tokenizer.added_tokens_decoder):
        raise UserError(
            f"By the chat template no control token ends an answer, which ends in {tokenizer.decode(answer[-1:])!r}: a "
            "model would not learn to stop. Set tokenizer.template=chatml."
        )

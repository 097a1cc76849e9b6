"""Tokenizer directories: loaded, and made ready for training."""

import hashlib
import logging
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json, write_json
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings
from arabic_llm_pipeline.tokens.chat import Conversation, Renderer
from arabic_llm_pipeline.tokens.encoder import Ids, Mask
from arabic_llm_pipeline.tokens.probes import check_ids, check_turns

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

log = logging.getLogger(__name__)
SAME = 0.95  # of a tokenizer that is the base's own with some tokens more
QWEN2, PLAIN = "qwen2", "llama"  # types of models: one whose splitting transformers puts in, one that keeps the file's
QWEN2_CLASS, PLAIN_CLASS = "Qwen2Tokenizer", "PreTrainedTokenizerFast"
PAD, END_OF_TEXT, START, END = "<|pad|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"
KNOWN_PADS = (PAD, "<pad>", "[PAD]", "<|vision_pad|>", "<|finetune_right_pad_id|>")  # the last two: Qwen2.5, Llama 3


def load_tokenizer(directory: Path) -> "PreTrainedTokenizerFast":
    """The tokenizer that `make_tokenizer` or `train` left in a directory, without importing torch."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(directory, local_files_only=True)


def render(tokenizer: "PreTrainedTokenizerFast", messages: Conversation) -> tuple[Ids, Mask]:
    """Ids and loss mask of one conversation, or of prose (one message of role document)."""
    return render_batch(tokenizer, [messages])[0]


def render_batch(tokenizer: "PreTrainedTokenizerFast", conversations: Sequence[Conversation]) -> list[tuple[Ids, Mask]]:
    """Ids and loss masks, 1 for what is to be learned: all of prose, what the assistant says elsewhere.

    Conversations equal `apply_chat_template(return_assistant_tokens_mask=True)` of transformers; prose is its text and
    the end of text.
    """
    return Renderer(tokenizer).documents(conversations)


def digests(directory: Path) -> dict[str, str]:
    """What tells one tokenizer from another: sha256 of its files and of its template."""
    return {"tokenizer": _digest(directory / "tokenizer.json"), "template": _digest(directory / "chat_template.jinja")}


def make_tokenizer(source: Path, settings: TokenizerSettings, directory: Path, base: Path | None = None) -> Path:
    """Write a tokenizer made ready for training: padding of its own, a template with generation marks, ids checked.

    Args:
        source: any pretrained fast tokenizer directory.
        settings: which chat template it gets.
        directory: where it goes.
        base: the model it is for, if that lies elsewhere: its embedding must have a row for every token.

    Raises:
        UserError: it is no fast tokenizer, needs code of its own, has no end of text, no tokens for the template or for
            padding, or gives other ids through transformers than through tokenizer.json.
    """
    config = _config(base or source)
    tokenizer = _load_any(source, config)
    tokenizer.chat_template = _template(tokenizer, settings)
    _set_padding(tokenizer, config)
    if settings.legacy_padding:
        _pad_with_the_end(tokenizer)
    _save(tokenizer, directory)
    check_ids(directory, config.get("model_type"), source / "tokenizer.json")
    if base and base != source:
        _compare_with_base(tokenizer, base)
    if not settings.legacy_padding:
        check_turns(load_tokenizer(directory))
    return directory


def model_type(directory: Path) -> str:
    """The type of model that a tokenizer trained here is for: qwen2, where it splits as transformers does; or llama."""
    kind = read_json(directory / "tokenizer_config.json").get("tokenizer_class")
    return QWEN2 if kind == QWEN2_CLASS else PLAIN


def save_trained(backend: "Tokenizer", special: list[str], directory: Path, kind: str) -> None:
    """Write a trained tokenizer as transformers has it, with padding, end of text and ChatML.

    Args:
        backend: model, pre-tokenizer, decoder; special tokens that its vocabulary lacks are added.
        special: padding, end of text, the two of ChatML, then any others.
        directory: where it goes.
        kind: the class that AutoTokenizer builds of it. PreTrainedTokenizerFast takes the file as it is; Qwen2Tokenizer
            puts its own splitting in, for models of type qwen2.
    """
    with tempfile.TemporaryDirectory() as folder:
        backend.save(str(Path(folder) / "tokenizer.json"))
        config: dict[str, Any] = {"tokenizer_class": kind, "extra_special_tokens": special[2:]}
        config |= {"pad_token": PAD, "eos_token": END_OF_TEXT}
        if kind == QWEN2_CLASS:
            config["unk_token"] = END_OF_TEXT
        write_json(Path(folder) / "tokenizer_config.json", config)
        tokenizer = _load_any(Path(folder), {})
    tokenizer.chat_template = shipped_template("chatml")
    _save(tokenizer, directory)
    path = directory / "tokenizer_config.json"
    write_json(path, {**read_json(path), "tokenizer_class": kind})


def shipped_template(name: str) -> str:
    """A template that comes with the project, with generation marks: chatml, instruction or human_assistant."""
    return (files(__package__) / "templates" / f"{name}.jinja").read_text(encoding="utf-8").removesuffix("\n")


def _load_any(source: Path, config: dict[str, Any]) -> "PreTrainedTokenizerFast":
    """As a user of the trained model will load it: by the class that transformers picks."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    with tempfile.TemporaryDirectory() as folder:
        for path in source.glob("*"):
            if path.is_file() and path.suffix in {".json", ".jinja", ".model", ".txt"} and path.name != "config.json":
                (Path(folder) / path.name).symlink_to(path.resolve())
        if config:
            write_json(Path(folder) / "config.json", {"model_type": config.get("model_type")})
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{source} is no tokenizer that transformers can load without code of its own: {error}. "
                "Set tokenizer.source to a directory with a tokenizer.json."
            ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UserError(f"{source} has no fast tokenizer (tokenizer.json). Set tokenizer.source to another.")
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"The tokenizer in {source} has no end of text. Name an eos_token in its tokenizer_config.json."
        )
    return tokenizer


def _compare_with_base(tokenizer: "PreTrainedTokenizerFast", base: Path) -> None:
    """Warn where a base model learned with other tokens: what its embedding says of an id is then about another one."""
    from tokenizers import Tokenizer

    if (base / "tokenizer.json").is_file():
        known = Tokenizer.from_file(str(base / "tokenizer.json")).get_vocab()
        same = sum(known.get(token) == number for token, number in tokenizer.get_vocab().items())
        if same < SAME * len(tokenizer):
            log.warning(
                "tokenizer.source: %d of its %d tokens have the number that the base model learned them by. To this "
                "base the others are another language: train one with it (kedro run --pipelines=pretrain).",
                same,
                len(tokenizer),
            )


def _config(model: Path) -> dict[str, Any]:
    path = model / "config.json"
    return dict(read_json(path)) if path.is_file() else {}


def _template(tokenizer: "PreTrainedTokenizerFast", settings: TokenizerSettings) -> str:
    own = tokenizer.chat_template
    if settings.template in {"instruction", "human_assistant"}:
        return shipped_template(settings.template)
    if settings.template == "own" and isinstance(own, str) and "{% generation" in own.replace("{%-", "{%"):
        return own
    if missing := [token for token in (START, END) if token not in tokenizer.get_vocab()]:
        raise UserError(
            f"The tokenizer has no chat template with {{% generation %}} marks, and no {missing[0]} for ChatML. "
            "Set tokenizer.template=instruction, which needs no tokens of its own, or put a "
            "chat_template.jinja with such marks beside its tokenizer.json."
        )
    if settings.template == "own":
        log.info("The tokenizer's own chat template does not mark what the assistant says: ChatML is used instead.")
    return shipped_template("chatml")


def _set_padding(tokenizer: "PreTrainedTokenizerFast", config: dict[str, Any]) -> None:
    """Choose a padding token that ends nothing: one that ends a text or a turn would never be learned."""
    rows = config.get("vocab_size") or config.get("text_config", {}).get("vocab_size")
    if rows is not None and len(tokenizer) > rows:
        raise UserError(
            f"The tokenizer has {len(tokenizer)} tokens, the base model's embedding {rows} rows: they do not belong "
            "together. Set tokenizer.source=base, or another model.name."
        )
    ends = {tokenizer.eos_token, *_turn_ends(tokenizer)}
    if tokenizer.pad_token is not None and tokenizer.pad_token not in ends:
        return
    vocabulary = tokenizer.get_vocab()
    known = next((token for token in KNOWN_PADS if token in vocabulary), None)
    if known is None and rows is not None and len(tokenizer) == rows:
        raise UserError(
            f"The tokenizer's padding token {tokenizer.pad_token} also ends texts, and no embedding row of the base "
            f"model's {rows} is free. Name an unused token as pad_token in its tokenizer_config.json."
        )
    before, tokenizer.pad_token = tokenizer.pad_token, known or PAD
    if known is None:
        tokenizer.add_special_tokens({"pad_token": PAD})
    log.info("Padding is %s (%s) instead of %s.", tokenizer.pad_token, "there already" if known else "added", before)


def _pad_with_the_end(tokenizer: "PreTrainedTokenizerFast") -> None:
    tokenizer.pad_token = tokenizer.eos_token
    log.warning(
        "tokenizer.legacy_padding: padding is %s, the end of text. All of a conversation is learned but its end: a "
        "model trained like this does not stop. It is there to repeat published results only.",
        tokenizer.eos_token,
    )


def _turn_ends(tokenizer: "PreTrainedTokenizerFast") -> list[str]:
    return list(tokenizer.convert_ids_to_tokens(Renderer(tokenizer).stop_ids))


def _save(tokenizer: "PreTrainedTokenizerFast", directory: Path) -> None:
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(directory)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""Tokenizers of other families, built small: what their files look like is as the families publish them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, make_tokenizer, render

from .conftest import sentences

LLAMA3 = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
LLAMA3_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' }}"
    "{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|eot_id|>' }}{% endgeneration %}"
    "{% else %}{{ m.content + '<|eot_id|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
GEMMA = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' }}{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content | trim + '<end_of_turn>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ m.content | trim + '<end_of_turn>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)


def _written(backend: Tokenizer, folder: Path, model: dict[str, Any], template: str | None, **settings: Any) -> Path:
    folder.mkdir()
    backend.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **settings})
    write_json(folder / "config.json", {"vocab_size": backend.get_vocab_size() + 8, **model})
    if template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return folder


def llama3(folder: Path, template: str | None = LLAMA3_TEMPLATE, more: list[str] | None = None) -> Path:
    """Byte-level BPE with a begin of text that is put before everything, and nothing to pad with."""
    backend = Tokenizer(models.BPE(ignore_merges=True))
    split = pre_tokenizers.Split(Regex(LLAMA3_PATTERN), "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    backend.decoder = decoders.ByteLevel()
    alphabet, special = pre_tokenizers.ByteLevel.alphabet(), [*LLAMA3, *(more or [])]
    backend.train_from_iterator(
        sentences(200), trainers.BpeTrainer(vocab_size=340, special_tokens=special, initial_alphabet=alphabet)
    )
    begin = processors.TemplateProcessing(single=f"{LLAMA3[0]} $A", special_tokens=[(LLAMA3[0], 0)])
    backend.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), begin])
    names = {"bos_token": LLAMA3[0], "eos_token": LLAMA3[1]}
    return _written(backend, folder, {"model_type": "llama"}, template, **names)


def gemma(folder: Path, template: str | None = GEMMA_TEMPLATE) -> Path:
    """SentencePiece's way: spaces are a sign, what is rare is bytes, and there is padding of its own."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    special = [*GEMMA, *(f"<0x{byte:02X}>" for byte in range(256))]
    backend.train_from_iterator(
        [*sentences(200), "user\nmodel\nsystem ###:"], trainers.BpeTrainer(vocab_size=500, special_tokens=special)
    )
    backend.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    names = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return _written(backend, folder, {"model_type": "gemma2"}, template, **names)


def falcon(folder: Path, template: str | None = None) -> Path:
    """GPT-2's bytes with digits apart; one control token, which ends texts and pads."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Punctuation("contiguous"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            pre_tokenizers.Digits(),
            pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated"),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        sentences(200), trainers.BpeTrainer(vocab_size=340, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    )
    model, end = {"model_type": "falcon"}, "<|endoftext|>"
    return _written(backend, folder, model, template, eos_token=end, pad_token=end)


def unigram(folder: Path, template: str | None = None) -> Path:
    """SentencePiece's unigram model with a space put before every text, as T5 and Llama 2 have it."""
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Metaspace(prepend_scheme="first")
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
    backend.train_from_iterator([*sentences(200), "Human: Assistant:\n### التعليمات:\nالإجابة ؟ نعم. < / s >"], trainer)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return _written(backend, folder, {"model_type": "mistral"}, template, **names)


TALK = [
    {"role": "user", "content": "ذهب الولد إلى المدرسة ؟"},
    {"role": "assistant", "content": "كتب درسا في دفتر"},
    {"role": "user", "content": "ثم ؟"},
    {"role": "assistant", "content": "عاد البيت"},
]
SYSTEM = {"role": "system", "content": "شو عم تعمل"}
Family = Callable[..., Path]


@pytest.mark.parametrize(
    ("family", "end", "padding"),
    [(llama3, "<|eot_id|>", "<|pad|>"), (gemma, "<end_of_turn>", "<pad>")],
)
def test_its_own_template_with_marks(family: Family, end: str, padding: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(make_tokenizer(family(tmp_path / "source"), TokenizerSettings(), tmp_path / "made"))
    ids, mask = render(tokenizer, TALK)
    wanted = tokenizer.apply_chat_template(TALK, return_assistant_tokens_mask=True, return_dict=True)
    assert ids.tolist() == wanted["input_ids"]
    assert mask.tolist() == wanted["assistant_masks"]
    assert tokenizer.decode(ids[mask == 1]) == f"{TALK[1]['content']}{end}{TALK[3]['content']}{end}"
    [(_, last)] = Renderer(tokenizer, last_answer_only=True).documents([TALK])
    assert tokenizer.decode(ids[last == 1]) == TALK[3]["content"] + end
    assert ids.tolist().count(tokenizer.bos_token_id) == 1  # the template writes it, nobody adds another
    assert tokenizer.pad_token == padding
    assert tokenizer.pad_token_id not in {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(end)}
    stops = tokenizer.convert_ids_to_tokens(Renderer(tokenizer).stop_ids)
    assert set(stops) == {end, tokenizer.eos_token}


@pytest.mark.parametrize("family", [llama3, gemma, falcon, unigram])
@pytest.mark.parametrize("template", ["instruction", "human_assistant"])
def test_templates_that_need_no_control_tokens(
    family: Family, template: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """System prompt, two turns, and the end of text learned after each answer."""
    caplog.set_level("INFO")
    settings = TokenizerSettings(template=template)
    tokenizer = load_tokenizer(make_tokenizer(family(tmp_path / "source"), settings, tmp_path / "made"))
    ids, mask = render(tokenizer, [SYSTEM, *TALK])
    wanted = tokenizer.apply_chat_template([SYSTEM, *TALK], return_assistant_tokens_mask=True, return_dict=True)
    assert ids.tolist() == wanted["input_ids"]
    assert mask.tolist() == wanted["assistant_masks"]
    said = tokenizer.decode(ids[mask == 1]).replace(tokenizer.eos_token, "|").split("|")
    assert [part.strip() for part in said] == [TALK[1]["content"], TALK[3]["content"], ""]
    assert (ids[mask == 1] == tokenizer.eos_token_id).sum() == 2
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert family is gemma or f"Padding is {tokenizer.pad_token} (added)" in caplog.text
    begun, answer = Renderer(tokenizer).prompts([TALK[:1]])[0], Renderer(tokenizer).answers([TALK[:1]], ["عاد"])[0]
    alone = render(tokenizer, [*TALK[:1], {"role": "assistant", "content": "عاد"}])[0].tolist()
    assert alone[: len(begun) + len(answer)] == [*begun, *answer]


@pytest.mark.parametrize(("family", "begins"), [(llama3, True), (gemma, True), (falcon, False), (unigram, False)])
def test_prose_begins_and_ends_as_the_family_has_it(family: Family, begins: bool, tmp_path: Path) -> None:
    settings = TokenizerSettings(template="instruction")
    tokenizer = load_tokenizer(make_tokenizer(family(tmp_path / "source"), settings, tmp_path / "made"))
    text = "ذهب الولد إلى المدرسة"
    ids, mask = render(tokenizer, [{"role": "document", "content": text}])
    assert ids.tolist() == [*tokenizer(text).input_ids, tokenizer.eos_token_id]
    assert (ids[0] == tokenizer.bos_token_id) == begins == (mask[0] == 0)
    assert mask[1:].all()
    marked = f"الولد {tokenizer.eos_token} عاد"
    written = render(tokenizer, [{"role": "document", "content": marked}])[0].tolist()
    assert written.count(tokenizer.eos_token_id) == 1  # its own; the one in the text is letters
    assert tokenizer.decode(written[begins:-1]).replace(" ", "") == marked.replace(" ", "")


def test_a_token_that_a_family_keeps_for_padding_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    source = llama3(tmp_path / "source", more=["<|finetune_right_pad_id|>"])
    made = load_tokenizer(make_tokenizer(source, TokenizerSettings(), tmp_path / "made"))
    assert made.pad_token == "<|finetune_right_pad_id|>"
    assert len(made) == 340
    assert "Padding is <|finetune_right_pad_id|> (there already)" in caplog.text


def test_what_a_family_refuses_is_said(tmp_path: Path) -> None:
    made = load_tokenizer(make_tokenizer(gemma(tmp_path / "source"), TokenizerSettings(), tmp_path / "made"))
    with pytest.raises(UserError, match=r"refuses a conversation of system, user, .*no system"):
        render(made, [SYSTEM, *TALK])


@pytest.mark.parametrize("family", [llama3, gemma, falcon])
def test_without_marks_and_without_chatml_another_template_is_named(family: Family, tmp_path: Path) -> None:
    source = family(tmp_path / "source", template="{% for m in messages %}{{ m.content + eos_token }}{% endfor %}")
    with pytest.raises(UserError, match=r"no <\|im_start\|> for ChatML.*tokenizer\.template=instruction"):
        make_tokenizer(source, TokenizerSettings(), tmp_path / "made")

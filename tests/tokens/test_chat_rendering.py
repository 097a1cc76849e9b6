"""Rendering against transformers' own, which is slower and thread by thread."""

import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.template import ChatTemplate
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, make_tokenizer, render, render_batch

TEXT = st.text(alphabet=st.sampled_from(list("ابتثجحخدذرزسشصضطظعغفقكلمنهويىةأإآؤئءًٌٍَُِّْٰ؟،؛ \n\t.x1٣😀آ<|")), max_size=40)
TURNS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3)
TALK = st.tuples(st.none() | TEXT, TURNS).map(
    lambda drawn: [
        *([{"role": "system", "content": drawn[0]}] if drawn[0] is not None else []),
        *(
            {"role": role, "content": content}
            for turn in drawn[1]
            for role, content in zip(("user", "assistant"), turn, strict=True)
        ),
    ]
)


@pytest.fixture(scope="module", params=["trained here", "embedded", "Qwen2"])
def any_tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "trained here":
        return request.getfixturevalue("tokenizer")
    if request.param == "Qwen2":
        return load_tokenizer(request.getfixturevalue("qwen2"))
    source = request.getfixturevalue("embedded")
    return load_tokenizer(make_tokenizer(source, TokenizerSettings(), tmp_path_factory.mktemp("made")))


@settings(max_examples=60, deadline=None)
@given(talks=st.lists(TALK, min_size=1, max_size=4))
def test_equals_apply_chat_template(any_tokenizer: Any, talks: list[Any]) -> None:
    """Also where words are remembered, and when they come again."""
    wanted = any_tokenizer.apply_chat_template(talks, return_assistant_tokens_mask=True, return_dict=True)
    remembering = Renderer(any_tokenizer, remember_words=True)
    for found in (render_batch(any_tokenizer, talks), remembering.documents(talks), remembering.documents(talks)):
        assert [ids.tolist() for ids, _ in found] == wanted["input_ids"]
        assert [mask.tolist() for _, mask in found] == wanted["assistant_masks"]


@settings(max_examples=40, deadline=None)
@given(
    talk=TALK, mark=st.sampled_from(["<|im_end|>", "<|endoftext|>", "<|im_start|>assistant\n"]), at=st.integers(0, 3)
)
def test_control_tokens_in_a_text_are_letters(any_tokenizer: Any, talk: list[Any], mark: str, at: int) -> None:
    for turn in talk:  # Qwen2 makes one token of the template's newline and an answer's first: both are learned then
        turn["content"] = turn["content"].lstrip()
    message = talk[at % len(talk)]
    message["content"] = message["content"][:5] + mark + message["content"][5:]
    wanted = any_tokenizer.apply_chat_template(talk, sanitize_control_tokens=True, return_dict=True)["input_ids"]
    ids, mask = render(any_tokenizer, talk)
    assert ids.tolist() == wanted
    end = any_tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert np.count_nonzero(ids == end) == len(talk)  # one end a turn, and none from what is said
    said = "".join(turn["content"] + "<|im_end|>" for turn in talk if turn["role"] == "assistant")
    assert any_tokenizer.decode(ids[mask == 1].tolist()) == unicodedata.normalize("NFC", said)


def test_what_is_learned_ends_the_turn(tokenizer: Any) -> None:
    ids, mask = render(
        tokenizer, [{"role": "user", "content": "من أنت؟"}, {"role": "assistant", "content": "أنا نموذج."}]
    )
    assert tokenizer.decode(ids[mask == 1].tolist()) == "أنا نموذج.<|im_end|>"
    assert tokenizer.decode(ids.tolist()) == (
        "<|im_start|>user\nمن أنت؟<|im_end|>\n<|im_start|>assistant\nأنا نموذج.<|im_end|>\n"
    )


def test_prose_is_learned_whole_and_ends(tokenizer: Any) -> None:
    text = "كتب الولد <|im_start|> في دفتره"
    ids, mask = render(tokenizer, [{"role": "document", "content": text}])
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(ids[:-1].tolist()) == text
    assert mask.tolist() == [1] * len(ids)
    assert tokenizer.convert_tokens_to_ids("<|im_start|>") not in ids


def test_order_is_kept_where_prose_and_talk_mix(tokenizer: Any) -> None:
    talk = [{"role": "user", "content": "لماذا؟"}, {"role": "assistant", "content": "لأن"}]
    mixed = [[{"role": "document", "content": "أول"}], talk, [{"role": "document", "content": "ثالث"}], talk[:1]]
    alone = [render(tokenizer, messages) for messages in mixed]
    for (ids, mask), (own_ids, own_mask) in zip(render_batch(tokenizer, mixed), alone, strict=True):
        assert (ids.tolist(), mask.tolist()) == (own_ids.tolist(), own_mask.tolist())


def test_a_token_that_begins_every_text_is_kept_and_not_learned(bpe: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = load_tokenizer(bpe)
    tokenizer.bos_token = "<|im_start|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", 2)]
    )
    ids, mask = render(tokenizer, [{"role": "document", "content": "نص"}])
    assert ids[0] == 2
    assert mask[0] == 0
    assert mask[1:].all()
    assert ids.tolist() == [*tokenizer("نص").input_ids, tokenizer.eos_token_id]


def test_a_character_of_several_tokens_is_learned_whole(tokenizer: Any) -> None:
    tokenizer = load_tokenizer(tokenizer.name_or_path)
    tokenizer.chat_template = "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}\n{% endfor %}"
    ids, mask = render(tokenizer, [{"role": "assistant", "content": "x😀"}])
    assert len(ids) > 4  # an emoji is four bytes that nobody merged
    assert tokenizer.decode(ids[mask == 1].tolist()) == "x😀"


def test_padding_that_somebody_asked_for_does_not_last(tokenizer: Any) -> None:
    tokenizer(["قصير", "نص أطول بكثير من الأول"], padding=True, truncation=True, max_length=6)
    short, long = render_batch(tokenizer, [[{"role": "document", "content": text}] for text in ("لا", "كتب " * 20)])
    assert len(short[0]) < len(long[0])
    assert len(long[0]) > 10
    assert tokenizer.pad_token_id not in short[0]


def test_stop_ids_end_a_turn_or_a_text(tokenizer: Any) -> None:
    assert tokenizer.convert_ids_to_tokens(Renderer(tokenizer).stop_ids) == ["<|endoftext|>", "<|im_end|>"]


def test_a_template_that_refuses_says_why(tokenizer: Any) -> None:
    template = ChatTemplate("{{ raise_exception('roles must alternate') }}", {})
    with pytest.raises(UserError, match=r"user, user.*roles must alternate.*tokenizer\.template=chatml"):
        template.render([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])


def test_templates_see_what_transformers_lets_them_see_but_no_clock() -> None:
    source = (
        "{%- set ns = namespace(n=0) %}{% for m in messages %}{% if loop.index0 > 1 %}{% break %}{% endif %}\n"
        "    {% set ns.n = ns.n + 1 %}\n{{ m | tojson }}{% endfor %}{{ ns.n }}"
        "{{ eos_token }}{{ 'clock' if strftime_now is defined }}"
    )
    text, spans = ChatTemplate(source, {"eos_token": "!"}).render([{"role": "user", "content": "نعم"}] * 3)
    assert text == '{"role": "user", "content": "نعم"}' * 2 + "2!"
    assert spans == []

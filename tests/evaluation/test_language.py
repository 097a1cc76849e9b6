"""Words guessed, strides and positions against slow references: every continuation, one plain pass each."""

from collections import defaultdict
from math import exp, log
from typing import Any

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.language import fill_in, next_word, strides
from arabic_llm_pipeline.evaluation.language.measure import measure
from arabic_llm_pipeline.evaluation.language.words import WORD, Pools, masked_words, next_words
from arabic_llm_pipeline.evaluation.results import SCORES, VALUES, score_table
from arabic_llm_pipeline.parameters.language import LanguageSettings, WordSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from tests.evaluation.test_likelihood import slowly
from tests.evaluation.test_perplexity import documents_loop

LONG = "عاصمة مصر القاهرة وعاصمة سوريا دمشق وعاصمة العراق بغداد. أحمد يحب القراءة والكتابة في المساء ثم ينام. "


def settings(**more: Any) -> LanguageSettings:
    words = WordSettings(**{"documents": 0, "tokens": 2, "beams": 40, "distractors": 2} | more.pop("words", {}))
    return LanguageSettings(
        **{"window": 32, "stride": 16, "stride_parts": (1, 4), "resamples": 100} | more, words=words
    )


def prose() -> pl.DataFrame:
    rows = [
        ("p/1", "MSA", LONG * 3),
        ("p/2", "MSA", "سافرت ليلى إلى بغداد يوم الخميس، وعادت يوم السبت."),
        ("p/3", "EGY", "انا رايح السوق النهارده عشان اشتري عيش وجبنة."),
    ]
    return pl.DataFrame(rows, schema=["id", "dialect", "text"], orient="row").with_columns(source=pl.lit("p"))


def every_word(model: Any, tokenizer: Any, prompt: list[int]) -> list[str]:
    """Slowly: all continuations of at most two tokens that are a space and a word, most probable first.

    A path's probability is that of its tokens and of all tokens that cannot go on with the word; a word's that of its
    best path.
    """
    import torch

    def text_of(ids: list[int]) -> str:
        return tokenizer.decode([*anchor, *ids]).removeprefix(tokenizer.decode(anchor))

    def after(rows: list[list[int]]) -> Any:
        with torch.no_grad():
            read = torch.tensor([prompt + row for row in rows])
            return torch.log_softmax(model(read, logits_to_keep=1).logits[:, -1], 1)

    def within(text: str) -> bool:
        return bool(text) and (text[0] == "\ufffd" or WORD.match(text) is not None)

    def ended(size: int) -> Any:
        of = [path for path in paths if len(path) == size]
        return zip(of, after([list(path) for path in of]), strict=True)

    anchor = tokenizer(".", add_special_tokens=False)["input_ids"]
    texts = [text_of([token]) for token in range(len(tokenizer))]
    go_on = [token for token, text in enumerate(texts) if within(text)]
    border = [token for token in range(len(tokenizer)) if token not in set(go_on)]
    first = [token for token, text in enumerate(texts) if text == " " or (text[:1] == " " and within(text[1:]))]
    said = after([[]])[0]
    paths = {(token,): float(said[token]) for token in first}
    for start, row in zip(first, after([[token] for token in first]), strict=True):
        paths |= {(start, token): float(said[start] + row[token]) for token in go_on}
    best: dict[str, float] = defaultdict(lambda: -np.inf)
    for path, row in [pair for size in (1, 2) for pair in ended(size)]:
        text = text_of(list(path)).lstrip()
        if "\ufffd" not in text and (match := WORD.match(text)):
            word = match[0]
            best[word] = max(best[word], paths[path] + float(row[border].logsumexp(0)))
    return sorted(best, key=lambda word: -best[word])


def test_the_five_most_probable_words_are_those_of_all_continuations(
    model: Any, tokenizer: Any, renderer: Renderer
) -> None:
    places = next_words(prose()["text"].to_list()[1:], ["p/2", "p/3"], 1, 0)
    found = next_word.measure(model, tokenizer, renderer, places, settings(window=12, stride=6))
    for place, row in zip(places, found.iter_rows(named=True), strict=True):
        before = tokenizer(place.text[: place.start - 1], add_special_tokens=False)["input_ids"]
        expected = every_word(model, tokenizer, [tokenizer.eos_token_id, *before][-9:])
        assert row["guesses"][:5] == expected[:5]
        assert (row["top_1"], row["top_5"]) == (place.word in expected[:1], place.word in expected[:5])


def test_a_model_that_knows_the_text_guesses_its_words(tokenizer: Any, renderer: Renderer) -> None:
    """One that gives all probability to what comes next in one sentence: right where asked there, with many tokens."""
    text = "سافرت ليلى إلى بغداد يوم الخميس، وعادت يوم السبت."
    places = next_words([text], ["a"], 9, 0)
    knowing = follows(tokenizer, text)
    found = next_word.measure(knowing, tokenizer, renderer, places, settings(words={"beams": 5, "tokens": 8}))
    assert [place.word for place in places] == ["بغداد", "يوم", "الخميس", "وعادت", "يوم", "السبت"]
    assert found["top_1"].to_list() == [True] * 6
    assert [guessed[0] for guessed in found["guesses"]] == [place.word for place in places]


def follows(tokenizer: Any, text: str) -> Any:
    """A bigram table as a model: after each token of the text at its place, the next one."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM
    from transformers.modeling_outputs import CausalLMOutputWithPast

    ids = [tokenizer.eos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
    config = Qwen2Config(vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                         num_attention_heads=1, num_key_value_heads=1, max_position_embeddings=128)  # fmt: skip
    made = Qwen2ForCausalLM(config).eval()
    plain = made.forward

    def forward(input_ids: Any, attention_mask: Any = None, **more: Any) -> CausalLMOutputWithPast:
        out = plain(input_ids=input_ids, attention_mask=attention_mask, **more)
        seen = attention_mask.sum(1) if attention_mask is not None else torch.full((len(input_ids),), 1)
        width = out.logits.shape[1]
        for row in range(len(input_ids)):
            for back in range(width):
                read = int(seen[row]) - back  # tokens read so far, at this place
                if 0 < read < len(ids):
                    out.logits[row, width - 1 - back] = 0.0
                    out.logits[row, width - 1 - back, ids[read]] = 50.0
        return out

    made.forward = forward
    return made


def test_a_word_left_out_is_right_where_its_sentence_costs_least(
    model: Any, tokenizer: Any, renderer: Renderer
) -> None:
    documents = prose()
    texts, dialects = documents["text"].to_list(), documents["dialect"].to_list()
    places = masked_words(texts, documents["id"].to_list(), 9, 0)
    chosen = settings(window=64)
    found = fill_in.measure(model, renderer, places, documents, Pools(texts, dialects), chosen, 0)
    assert len(found) > 3
    assert 0 < found["right"].sum() < len(found)
    by_start = {(place.document, place.before + place.start): place for place in places}
    for row in found.iter_rows(named=True):
        place = by_start[row["document"], row["start"]]
        costs = []
        for word in (place.word, *row["distractors"]):
            ids = tokenizer(place.filled(word), add_special_tokens=False)["input_ids"]
            costs.append(-sum(slowly(model, [tokenizer.eos_token_id, *ids], 1)))
        assert row["right"] == (costs[0] < min(costs[1:]))
        assert len(row["distractors"]) == 2


def rows_of(model: Any, renderer: Renderer, documents: pl.DataFrame) -> pl.DataFrame:
    return score_table(strides.measure(model, renderer, documents, settings(), 0, {"harness": "test"}))


def encoded(tokenizer: Any, text: str) -> list[int]:
    return [tokenizer.eos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]


def test_strides_are_what_the_loop_of_transformers_gives(model: Any, tokenizer: Any, renderer: Renderer) -> None:
    found = rows_of(model, renderer, prose()[:2]).filter(measure="stride")
    text = (LONG * 3).strip()
    ids = encoded(tokenizer, text)
    assert len(ids) > 2 * 32
    for stride in (31, 8):
        losses = documents_loop(model, ids, 32, stride)
        of = found.filter(by="stride", group=str(stride))
        assert of["items"].to_list() == [1, 1], "only one document fills a window"
        bits, power = (of.filter(metric=name)["value"].item() for name in ("bits_per_byte", "perplexity_per_token"))
        assert bits == pytest.approx(sum(losses) / log(2) / len(text.encode()), rel=1e-6)
        assert power == pytest.approx(exp(sum(losses) / len(losses)), rel=1e-6)
    assert set(found["group"]) == {"31", "8"}


def test_loss_by_position_is_of_full_windows(model: Any, tokenizer: Any, renderer: Renderer) -> None:
    found = rows_of(model, renderer, prose()).filter(measure="loss_by_position")
    windows = {}
    for dialect, text in {"MSA": (LONG * 3).strip(), "EGY": prose()["text"][2]}.items():
        ids = encoded(tokenizer, text)
        windows[f"position {dialect}"] = [slowly(model, ids[at : at + 32], 1) for at in range(0, len(ids) - 31, 31)]
    windows["position"] = [window for of in list(windows.values()) for window in of]
    assert len(windows["position MSA"]) > 1
    for first, last in [(1, 1), (2, 3), (4, 7), (8, 15), (16, 31)]:
        for by, of in windows.items():
            row = found.filter(by=by, group=f"{first}-{last}" if last > first else "1")
            expected = np.mean([window[first - 1 : last] for window in of])
            assert -row["value"].item() == pytest.approx(float(expected), rel=1e-6)
    assert set(found["by"]) == set(windows)


@pytest.mark.parametrize("window", [2, 3, 32, 100])
def test_buckets_hold_every_position_once(window: int) -> None:
    held = [place for first, last in strides.buckets(window) for place in range(first, last + 1)]
    assert held == list(range(1, window))


def test_where_no_document_fills_a_window_it_says_so(model: Any, renderer: Renderer) -> None:
    found = score_table(strides.measure(model, renderer, prose()[1:], settings(window=128, stride=64), 0, {}))
    assert found.select("measure", "value", "why").rows() == [
        ("loss_by_position", None, "no held-out document fills a window of 128 tokens"),
        ("stride", None, "no held-out document fills a window of 128 tokens"),
    ]


def test_all_of_it_in_the_common_shape(model: Any, tokenizer: Any) -> None:
    chosen = settings(words={"beams": 5, "distractors": 1})
    scores, values = measure(model, tokenizer, prose(), chosen, 0)
    assert scores.schema == SCORES
    assert values.schema == VALUES
    assert set(scores["measure"]) == {"perplexity", "stride", "loss_by_position", "next_word", "masked_word"}
    assert set(scores.filter(pl.col("measure") == "perplexity")["view"]) == {"text", "text_normalized"}
    assert scores.filter(metric="chance")["value"].to_list() == [0.5]
    assert scores.filter(pl.col("value").is_null())["why"].is_not_null().all()
    places = values.filter(metric="top_1")
    assert places["id"].is_unique().all()
    row = scores.filter(measure="next_word", metric="top_1", by="all").row(0, named=True)
    assert (row["items"], row["value"], row["interval"]) == (6, places["value"].mean(), "Wilson")
    again, _ = measure(model, tokenizer, prose(), chosen, 0)
    assert again.equals(scores)


def test_with_no_prose_every_measure_says_why(model: Any, tokenizer: Any) -> None:
    scores, values = measure(model, tokenizer, prose().clear(), settings(), 0)
    assert values.is_empty()
    left = scores.filter(pl.col("metric") != "chance")
    assert left["value"].is_null().all()
    assert left["why"].is_not_null().all()
    assert set(left["measure"]) == {"perplexity", "stride", "loss_by_position", "next_word", "masked_word"}


def test_a_window_longer_than_the_model_sees_is_refused(model: Any, tokenizer: Any) -> None:
    with pytest.raises(UserError, match=r"language.window is 200 tokens.*set language.window=128 or less"):
        measure(model, tokenizer, prose(), settings(window=200), 0)


def test_logits_that_are_no_numbers_name_the_document(model: Any, tokenizer: Any) -> None:
    from copy import deepcopy

    broken = deepcopy(model)
    broken.model.norm.weight.data.fill_(float("nan"))
    with pytest.raises(UserError, match=r"document p/1.*not a number"):
        measure(broken, tokenizer, prose(), settings(), 0)

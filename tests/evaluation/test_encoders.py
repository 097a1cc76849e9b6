"""Masked language models against plain passes, a sentence at a time."""

from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.language import encoders
from arabic_llm_pipeline.evaluation.language.words import Pools, masked_words
from arabic_llm_pipeline.parameters.language import LanguageSettings, WordSettings

TEXTS = [
    "سافرت ليلى إلى بغداد يوم الخميس، وعادت مساء السبت.",
    "كتب الطالب درسه في الدفتر الجديد، ثم قرأ قصة قصيرة.",
    "اشترى أحمد خبزا وجبنا من السوق القريب صباح اليوم.",
]
SETTINGS = LanguageSettings(words=WordSettings(distractors=2, tokens=3))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=75, special_tokens=special))
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    made = tmp_path_factory.mktemp("encoder")
    BertForMaskedLM(config).save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


def documents() -> pl.DataFrame:
    return pl.DataFrame({"id": ["a", "b", "c"], "dialect": ["MSA", "MSA", "EGY"], "text": TEXTS})


def said(model: Any, ids: list[int], place: int) -> Any:
    """Log-probabilities at a place of one sentence, without padding."""
    import torch

    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([ids])).logits[0, place].double(), 0)


def span(tokenizer: Any, text: str, start: int, end: int) -> tuple[list[int], int, int]:
    before = len(tokenizer(text[:start], add_special_tokens=False)["input_ids"]) + 1
    inside = len(tokenizer(text[start:end], add_special_tokens=False)["input_ids"])
    return tokenizer(text)["input_ids"], before, before + inside


def word_nats(model: Any, tokenizer: Any, text: str, start: int, end: int) -> float:
    ids, first, last = span(tokenizer, text, start, end)
    nats = 0.0
    for place in range(first, last):
        masked = [*ids[:place], *[tokenizer.mask_token_id] * (last - place), *ids[last:]]
        nats += float(said(model, masked, place)[ids[place]])
    return nats


def test_a_word_is_scored_from_left_to_right_with_the_rest_of_it_masked(directory: Path) -> None:
    model, tokenizer = encoders.load(directory)
    places = masked_words(TEXTS, ["a", "b", "c"], 5, 0)
    pools = Pools(TEXTS, ["MSA", "MSA", "EGY"])
    found = encoders.measure(model, tokenizer, places, documents(), pools, SETTINGS, 0)
    by_start = {(place.document, place.before + place.start): place for place in places}
    assert len(found) > 3
    for row in found.iter_rows(named=True):
        place = by_start[row["document"], row["start"]]
        nats = [
            word_nats(model, tokenizer, place.filled(word), place.start, place.start + len(word))
            for word in (place.word, *row["distractors"])
        ]
        assert row["right"] == (nats[0] > max(nats[1:]))
    assert 0 < found["right"].sum() < len(found)


def test_the_most_probable_words_are_those_of_all_words_of_that_many_tokens(directory: Path) -> None:
    """All pairs of tokens, each scored by itself; five beginnings at a time may miss one, but not the first here."""
    model, tokenizer = encoders.load(directory)
    places = masked_words(TEXTS, ["a", "b", "c"], 9, 0)
    words = [encoders._located(tokenizer, place, place.word) for place in places]
    ask = encoders._Asking(model, tokenizer, 64, ["a"] * len(words))
    ranked = ask.ranked(words, 2)
    checked = 0
    for word, best in zip(words, ranked, strict=True):
        ids, first, size = word.ids.tolist(), word.first, len(word.tokens)
        if size > 2:
            assert best == []
            continue
        tokens = [token for token in range(len(tokenizer)) if token not in tokenizer.all_special_ids]
        begun = said(model, [*ids[:first], *[tokenizer.mask_token_id] * size, *ids[word.last :]], first)
        every = {(token,): float(begun[token]) for token in tokens}
        if size == 2:
            top = sorted(every, key=lambda one: -every[one])[:5]
            filled = {one: [*ids[:first], *one, tokenizer.mask_token_id, *ids[word.last :]] for one in top}
            then = {one: said(model, filled[one], first + 1) for one in top}
            every = {(*a, b): every[a] + float(then[a][b]) for a, b in product(top, tokens)}
        assert best == sorted(every, key=lambda one: -every[one])[:5]
        checked += 1
    assert checked > 2


def test_sentences_longer_than_the_model_sees_are_left_out(directory: Path) -> None:
    model, tokenizer = encoders.load(directory)
    long = " ".join(["كتب قصة ثم قرأ درسه"] * 7) + "."
    texts = [long]
    places = masked_words(texts, ["a"], 3, 0)
    assert places
    pools = Pools([*texts, "نهر بحر قمر شمس بيت باب"] * 7, ["MSA"] * 14)
    found = encoders.measure(
        model, tokenizer, places, pl.DataFrame({"id": ["a"], "dialect": ["MSA"]}), pools, SETTINGS, 0
    )
    assert len(found) == 0


def test_a_directory_without_such_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"language.encoders: .* is no masked language model"):
        encoders.load(tmp_path)


def test_scores_are_by_encoder_and_dialect(directory: Path) -> None:
    prose = documents().with_columns(source=pl.lit("p"))
    found = encoders.scores({"small": directory}, prose, SETTINGS, 0)
    assert set(found["metric"]) == {"accuracy", "top_1", "top_5"}
    assert {(row["by"], row["group"]) for row in found.iter_rows(named=True)} >= {
        ("encoder", "small"), ("encoder small", "MSA"),
    }  # fmt: skip
    assert found["value"].is_between(0, 1).all()


def test_without_encoders_it_says_so() -> None:
    found = encoders.scores({}, documents().with_columns(source=pl.lit("p")), SETTINGS, 0)
    assert found.select("value", "why").rows() == [(None, "language.encoders names none")]

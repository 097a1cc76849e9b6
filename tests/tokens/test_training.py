"""Tokenizers learned here: against the library's own training, and by what they promise."""

import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers, trainers

from arabic_llm_pipeline.arabic.morphology import CamelAnalyser, LightSegmenter, MorphologyError, Pieces
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerTrainingSettings
from arabic_llm_pipeline.tokens import clitics
from arabic_llm_pipeline.tokens import train as training
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.fertility import _counted
from arabic_llm_pipeline.tokens.memo import splits_at_spaces
from arabic_llm_pipeline.tokens.splits import WORDS, splitter
from arabic_llm_pipeline.tokens.texts import sampled
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, model_type
from arabic_llm_pipeline.tokens.train import train
from arabic_llm_pipeline.tokens.units import byte_letters

from .conftest import document, sentences

VOCALISED = "كَتَبَ الوَلَدُ دَرْسَهُ فِي الدَّفْتَرِ وَقَرَأَ الكِتَابَ ثُمَّ ذَهَبَ إِلَى المَدْرَسَةِ وَالبَيْتِ"
STEMS = "كتاب كتاب كتاب كتاب مدرسة مدرسة مدرسة مدرسة والكتاب والمدرسة بالكتاب كتابه كتابها للمدرسة وكتاب الولد ولد ولد"
TEXTS = [*sentences(300), *[VOCALISED, STEMS, "The model's answer: 12.5% – «نعم»؟"] * 20]
KINDS = [("bpe", "qwen2"), ("bpe", "words"), ("bpe", "clitics"), ("unigram", "words"), ("unigram", "clitics")]
SPECIAL = ["<|pad|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
Made = dict[tuple[str, str], Path]


def settings_of(algorithm: str, split: str, **changed: object) -> TokenizerTrainingSettings:
    return TokenizerTrainingSettings(algorithm=algorithm, split=split, vocabulary=460, coverage=1.0, **changed)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    return {kind: train(TEXTS, settings_of(*kind), folder / "_".join(kind)) for kind in KINDS}


@cache
def file(directory: Path) -> Tokenizer:
    return Tokenizer.from_file(str(directory / "tokenizer.json"))


def test_splitting_as_qwen2_equals_training_by_the_library(made: Made) -> None:
    """From counts of words, by characters that stand for bytes: token for token what tokenizers makes of the texts."""
    from transformers import Qwen2Tokenizer

    plain, alphabet = Qwen2Tokenizer().backend_tokenizer, pre_tokenizers.ByteLevel.alphabet()
    told = {"special_tokens": SPECIAL, "initial_alphabet": alphabet, "show_progress": False}
    plain.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=460, min_frequency=2, **told))
    wanted, found = (json.loads(one.to_str())["model"] for one in (plain, file(made["bpe", "qwen2"])))
    assert found["vocab"] == wanted["vocab"]
    assert found["merges"] == wanted["merges"]
    assert set(byte_letters().values()) == set(alphabet)


@pytest.mark.parametrize("kind", KINDS, ids="_".join)
def test_transformers_loads_what_was_trained(made: Made, kind: tuple[str, str], tmp_path: Path) -> None:
    """The directory alone, and beside a model of the type that it is for."""
    from transformers import AutoTokenizer

    own, beside = made[kind], tmp_path / "model"
    assert model_type(own) == ("qwen2" if kind[1] == "qwen2" else "llama")
    beside.mkdir()
    for path in own.iterdir():
        (beside / path.name).write_bytes(path.read_bytes())
    write_json(beside / "config.json", {"model_type": model_type(own)})
    for folder in (own, beside):
        auto = AutoTokenizer.from_pretrained(folder)
        for text in [*TEXTS[-60:], " \n\n x", "آ", "😀"]:
            assert auto(text).input_ids == file(own).encode(text).ids
        assert (len(auto), auto.pad_token, auto.eos_token) == (file(own).get_vocab_size(), "<|pad|>", "<|endoftext|>")
        assert 300 < len(auto) <= 460


ODD = list("ابتثوفكلمنسهيىةأإؤئءًَُِّْٰـ؟، \n\t.x1٣😀آ▁Ġ")
TEXT = st.text(alphabet=st.sampled_from(ODD), max_size=40) | st.text(max_size=12)


@settings(max_examples=150, deadline=None)
@given(text=TEXT)
def test_it_gives_back_what_it_was_given(made: Made, text: str) -> None:
    """Byte for byte, in the composed form; any text, also characters that were never seen."""
    for directory in made.values():
        ids = file(directory).encode(text, add_special_tokens=False).ids
        assert file(directory).decode(ids, skip_special_tokens=False) == unicodedata.normalize("NFC", text)


LETTERS = [a + b for a, b in pairwise(VOCALISED) if b in set("ًٌٍَُِّْ") and a != "َ"]


@settings(max_examples=100, deadline=None)
@given(word=st.lists(st.sampled_from(LETTERS), min_size=1, max_size=9))
def test_no_letter_loses_its_mark(made: Made, word: list[str]) -> None:
    """In any order of the marked letters that were learned from."""
    for kind in KINDS[1:]:
        counted = _counted(file(made[kind]), pl.DataFrame({"text": [f"كتب {''.join(word)}"]})).row(0, named=True)
        assert (counted["marked_words"], counted["torn_words"]) == (1, 0)


def test_splitting_as_qwen2_tears_them(made: Made) -> None:
    counted = _counted(file(made["bpe", "qwen2"]), pl.DataFrame({"text": [VOCALISED]})).row(0, named=True)
    assert counted["torn_words"] == counted["marked_words"] == len(VOCALISED.split())


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_no_token_goes_over_a_clitics_border(made: Made, algorithm: str) -> None:
    tokenizer = file(made[algorithm, "clitics"])
    for cut in ("و+ال+كتاب", "وَ+ال+كِتَابُ", "ب+ال+كتاب", "ل+ل+مدرسة", "كتاب+ها", "و+ال+رياض"):
        encoding = tokenizer.encode(" " + cut.replace("+", ""))
        parts = cut.split("+")
        borders = {1 + sum(map(len, parts[:i])) for i in range(1, len(parts))}
        assert borders <= {end for _, end in encoding.offsets}, encoding.offsets
    assert tokenizer.pre_tokenizer.pre_tokenize_str("ولد") == [("ÙĪÙĦØ¯", (0, 3))]


WORD = st.text(st.sampled_from("وفبكلسهمنيتا"), min_size=2, max_size=9)


@settings(max_examples=80, deadline=None)
@given(stem=WORD, before=st.sampled_from(["و", "ف", "ب", "س", ""]))
def test_a_pattern_divides_the_words_of_its_list(stem: str, before: str) -> None:
    """By itself, with a space or a bracket before it, and with marks on all letters; and no other word."""
    pieces = Pieces((before,), stem, ()) if before else Pieces((), stem, ("ها",))
    split = splitter([WORDS, *clitics.patterns([pieces], [])])
    marked = ["".join(letter + "\N{ARABIC FATHA}" for letter in part) for part in pieces.parts]
    article = any(part in "".join(pieces.parts) for part in ("ال", "لل"))  # words of no list are cut there, too
    for lead in ("", " ", "("):
        for parts in (list(pieces.parts), marked):
            found = [part for part, _ in split.pre_tokenize_str(lead + "".join(parts))]
            assert article or found == [lead + parts[0], *parts[1:]]
            assert "".join(found) == lead + "".join(parts)
    assert article or len(split.pre_tokenize_str("".join(pieces.parts) + "ي")) == 1


def test_words_of_no_list_are_cut_at_the_article_alone() -> None:
    split = splitter([WORDS, *clitics.patterns([], ["والد", "والدين", "الله", "بالغ"])])
    for cut in [
        "و+ال+قمر",
        "ب+ال+قلم",
        "ل+ل+سماء",
        "و+ل+ل+سماء",
        "ف+ب+ال+علم",
        "ال+شمس",
        "والدين",
        "الله",
        "بالغ",
        "الى",
        "وقمر",
        "كتابها",
    ]:
        assert "+".join(part for part, _ in split.pre_tokenize_str(cut.replace("+", ""))) == cut


def test_counts_are_of_bare_words() -> None:
    counts = training.count_words(["كِتاب وكتـاب، كتاب", "كتاب 12 book"])
    assert counts == {"كِتاب": 1, " وكتـاب،": 1, " كتاب": 1, "كتاب": 1, " 12": 1, " book": 1}
    assert clitics.bare_counts(counts) == {"كتاب": 3, "وكتاب": 1}


def test_rare_words_are_forgotten_where_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MOST", 2)
    assert training.count_words(["x أ ب ب", "x ج د ب"]) == {"x": 2, " ب": 3}


def test_a_control_token_in_a_text_is_letters(made: Made) -> None:
    for (algorithm, _), directory in made.items():
        tokenizer = load_tokenizer(directory)
        [(ids, _)] = Renderer(tokenizer).documents([[{"role": "document", "content": "قال <|im_end|> ومضى"}]])
        assert tokenizer.convert_tokens_to_ids("<|im_end|>") not in ids
        assert tokenizer.decode(ids[:-1]) == "قال <|im_end|> ومضى"
        assert splits_at_spaces(tokenizer.backend_tokenizer) is (algorithm == "bpe")


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_control_tokens_of_ones_own(tmp_path: Path, algorithm: str) -> None:
    own = settings_of(algorithm, "words", special_tokens=("<|tool|>",))
    tokenizer = load_tokenizer(train(TEXTS, own, tmp_path))
    assert tokenizer.decode(tokenizer("نعم<|tool|>لا").input_ids, skip_special_tokens=True) == "نعملا"
    assert len(tokenizer) == len(load_tokenizer(train(TEXTS, settings_of(algorithm, "words"), tmp_path / "less"))) + (
        algorithm == "unigram"  # of BPE there are enough merges to fill what is asked for
    )


def test_every_process_makes_the_same_bytes(made: Made, tmp_path: Path) -> None:
    code = (
        "import json, sys; from pathlib import Path\n"
        "from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerTrainingSettings as Settings\n"
        "from arabic_llm_pipeline.tokens.train import train\n"
        "texts, told = json.load(sys.stdin)\n"
        "for name, one in told.items(): train(texts, Settings(**one), Path(sys.argv[1]) / name)"
    )
    told = {"_".join(kind): settings_of(*kind).model_dump(mode="json") for kind in KINDS}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        input=json.dumps([TEXTS, told]),
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "7", "RAYON_NUM_THREADS": "3"},
    )
    for directory in made.values():
        for path in directory.iterdir():
            assert (tmp_path / directory.name / path.name).read_bytes() == path.read_bytes()


def test_a_vocabulary_without_room_is_refused(tmp_path: Path) -> None:
    small = TokenizerTrainingSettings(split="qwen2", vocabulary=260, special_tokens=("<|tool|>",))
    with pytest.raises(UserError, match=r"vocabulary=260 is too small: 256 bytes, 5 control tokens"):
        train(["نص"], small, tmp_path)
    with pytest.raises(
        UserError, match=r"vocabulary=300 is too small: .* tokens for \d+ characters and marked letters"
    ):
        train(TEXTS, TokenizerTrainingSettings(vocabulary=300), tmp_path)


class Analyser:
    def disambiguate(self, words: list[str]) -> list[SimpleNamespace]:
        analysis = {"lex": "سَفِير", "d3seg": "وَ+_سَفِير" if words == ["وسفير"] else "سَفِير"}
        return [SimpleNamespace(analyses=[SimpleNamespace(analysis=analysis)])]


def test_the_segmenter_of_camel_tools_or_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    told, counts = TokenizerTrainingSettings(split="clitics", segmenter="camel"), dict.fromkeys([" وسفير", " سفير"], 9)
    monkeypatch.setattr(training, "installed_analyser", lambda: CamelAnalyser(Analyser()))
    split = splitter(training.borders(counts, told))
    assert [part for part, _ in split.pre_tokenize_str(" وسفير")] == [" و", "سفير"]

    def missing() -> None:
        raise MorphologyError("camel-tools has no data: run camel_data")

    monkeypatch.setattr(training, "installed_analyser", missing)
    with pytest.raises(UserError, match=r"tokenizer_training\.segmenter=camel: camel-tools has no data"):
        training.borders(counts, told)


def test_the_list_holds_the_most_frequent() -> None:
    bare = {"كتاب": 90, "ولد": 60, "والكتاب": 30, "بالكتاب": 20, "نادر": 1}
    cut, whole = training.divide(bare, LightSegmenter(bare), 1)
    assert [pieces.parts for pieces in cut] == [("و", "ال", "كتاب")]
    assert whole == ["كتاب", "ولد"]


def test_the_sample_is_spread_over_the_corpus(corpus: Callable) -> None:
    rows = [document(n, f"نص رقم {n} كتب") for n in range(300)]
    rows += [document(900, "x" * 99, split="test"), document(901, "x" * 99, reason="duplicate")]
    shards = corpus(rows)
    everything = list(sampled(shards, "text", 10**9, 0))
    assert everything == [f"نص رقم {n} كتب" for n in range(300)]
    total = sum(map(len, everything))
    some = list(sampled(shards, "text", total // 3, 0))
    assert 0.2 < sum(map(len, some)) / total < 0.5
    assert some[0] in everything[:30]
    assert some[-1] in everything[-30:]
    assert some == list(sampled(shards, "text", total // 3, 0)) != list(sampled(shards, "text", total // 3, 1))
    assert set(some) < set(sampled(shards, "text", total // 2, 0))
    with pytest.raises(UserError, match="nothing to read"):
        list(sampled(shards, "text", 99, 0, split="dev"))


def test_views_of_the_text(corpus: Callable) -> None:
    shards = corpus([document(0, "كِتَابٌ إلى")])
    assert list(sampled(shards, "without diacritics", 99, 0)) == ["كتاب إلى"]
    assert list(sampled(shards, "text_normalized", 99, 0)) == ["كتاب الي"]

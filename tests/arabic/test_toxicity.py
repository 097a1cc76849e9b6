"""Toxicity by the list and by a model, mentions of groups, and the word lists behind them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic import classifier_fit, lexicon, mentions, toxicity, wordlist
from arabic_llm_pipeline.arabic.classifier_fit import Fitting, Texts
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean, clean_series

PARTICLES = ["", "و", "ف", "ب", "ك", "ال", "وال", "فال", "بال", "كال", "وبال", "لل", "ولل", "ل", "يا", "هال"]


def counted(texts: list[str | None], category: str) -> list[int | None]:
    return mentions.counts(pl.Series(texts)).struct.field(category).to_list()


@pytest.mark.parametrize("particle", PARTICLES)
def test_a_word_is_found_behind_its_particles(particle: str) -> None:
    words = f"رأيت {particle}مسلمين هنا"
    assert counted([words], "religion") == [1]


def test_what_only_looks_like_a_name_is_none() -> None:
    texts = ["كرد فعل على القرار", "ما بدو يروح", "سريان القانون", "مشاهدة المسلسل", "الأكراد والبدو والسريان"]
    assert counted(texts, "ethnicity") == [0, 0, 0, 0, 3]


def slow_counts(text: str, category: str) -> int:
    """Every word looked up in a set that is made another way: by taking particles off, not by putting them on."""
    forms = [form for row in lexicon.read_table("group_words.tsv") if row["category"] == category
             for form in row["forms"].split()]  # fmt: skip
    bare = {clean(form.removeprefix("ال"), MATCHING_KEY) for form in forms}
    free = {clean(form, MATCHING_KEY) for form in forms if not form.startswith("ال")}
    found = 0
    for word in clean(text, MATCHING_KEY).split():
        readings = {word} | {word[1:] for mark in "وف" if word.startswith(mark)}
        named = any(
            reading in free
            or (reading[:1] in ("ب", "ك", "ل") and reading[1:] in free)
            or (reading.startswith("يا") and reading[2:] in free)
            or any(reading.startswith(article) and reading[len(article) :] in bare
                   for article in ("ال", "بال", "كال", "لل", "هال"))
            for reading in readings
        )  # fmt: skip
        found += named
    return found


FORMS = [form for row in lexicon.read_table("group_words.tsv") for form in row["forms"].split()]
WORD = st.sampled_from([*FORMS, "بيت", "كتاب", "مدينة", "قال"]).flatmap(
    lambda form: st.sampled_from([p + form for p in PARTICLES])
)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(WORD, max_size=12), category=st.sampled_from(mentions.CATEGORIES))
def test_mentions_are_those_of_a_slow_search(words: list[str], category: str) -> None:
    text = " ".join(words)
    assert counted([text], category) == [slow_counts(text, category)]


def test_what_is_around_a_mention_stays_in_its_text() -> None:
    keys = clean_series(pl.Series(["جاء الرجال من بعيد", None, "", "عن النساء"]), MATCHING_KEY)
    found = mentions.find(keys, 2)
    assert found.schema == mentions.MENTION
    assert found.rows() == [
        (0, "men", "gender", ["جاء", "من", "بعيد"]),
        (3, "women", "gender", ["عن"]),
    ]


def test_counts_have_nulls_where_texts_have() -> None:
    assert counted(["رجال", None], "gender") == [1, None]
    assert toxicity.scores(pl.Series(["مرحبا", None, ""])).to_list() == [0.0, None, 0.0]
    assert toxicity.scores(pl.Series([], dtype=pl.String)).to_list() == []


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("يوم جميل", 0.0),
        ("رأيت كلبا وقطة", 0.0),
        ("هذا كلب", 1 / 3),  # one animal: 0.5 / (0.5 + 1)
        ("كلب وكلاب وكلبة", 1 / 3),  # forms of one word
        ("يا كلب يا حمار", 0.5),
        ("نذل", 0.5),
        ("النذل السافل", 2 / 3),
    ],
)
def test_the_lists_scores_by_hand(text: str, score: float) -> None:
    assert toxicity.scores(pl.Series([text]))[0] == pytest.approx(score, abs=1e-6)


def test_the_worst_piece_decides_and_pieces_do_not_add_up() -> None:
    calm = " ".join(["بيت"] * 100)
    texts = [f"{calm} كلب {calm} حمار", f"{calm} كلب حمار"]
    assert toxicity.scores(pl.Series(texts)).to_list() == pytest.approx([1 / 3, 0.5])
    assert toxicity.pieces(pl.Series(["أ " * 130, None, "ب\nج"])).rows() == [
        (0, " ".join("أ" * 60)), (0, " ".join("أ" * 60)), (0, " ".join("أ" * 10)), (2, "ب ج"),
    ]  # fmt: skip


def test_the_lists_are_sound() -> None:
    rows = lexicon.read_table("toxic_words.tsv")
    forms = [form for row in rows for form in row["forms"].split()]
    assert len(forms) == len(set(forms)) > 150
    assert {row["weight"] for row in rows} == {"1", "0.5", "0.3"}
    groups = lexicon.read_table("group_words.tsv")
    assert {row["category"] for row in groups} == {*mentions.CATEGORIES}
    assert len({row["group"] for row in groups}) == len(groups)
    spelt = [word for row in groups for form in row["forms"].split() for word in wordlist.spellings(form)]
    assert mentions.names()["word"].n_unique() == len(set(spelt))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Taught that a word which no list has is toxic."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=240)
    calm = ["بيت", "كتاب", "شجره", "بحر", "طريق"]
    texts = [" ".join([*rng.choice(calm, 5), "زرنوق" if label else "سوق"]) for label in labels]
    keys = pl.Series(texts)
    taught, held = (
        Texts(keys[part], labels[part], np.ones(len(labels[part]))) for part in (slice(200), slice(200, None))
    )
    made = classifier_fit.fit(taught, held, Fitting(bits=12), toxicity.CLASSES, {})
    path = tmp_path_factory.mktemp("model") / "model.npz"
    path.write_bytes(made.to_bytes())
    return path


def test_a_model_tells_what_it_was_taught_and_the_list_the_rest(model: Path) -> None:
    texts = pl.Series(["بيت زرنوق بحر", "بيت سوق بحر", "سوق نذل سافل"])
    by_model = toxicity.scores(texts, "model", model).to_list()
    assert by_model[0] > 0.8
    assert max(by_model[1:]) < 0.4
    both = toxicity.scores(texts, "both", model).to_list()
    assert both == pytest.approx([max(pair) for pair in zip(by_model, toxicity.scores(texts), strict=True)])
    assert toxicity.scores(texts, "lexicon", model).to_list() == toxicity.scores(texts).to_list()


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a file of a toxicity model"):
        toxicity.read_model(b"something else")

"""The dialect tagger: sentences written by hand, a slow reference of its features and sums, and real sets."""

import json
import math
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic import dialect, lexicon
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean, clean_series
from tests.arabic.dialect_reference import block_features

HAND = {
    "EGY": [
        "أنا عايز أروح السوق دلوقتي بس العربية بايظة",
        "إيه اللي حصل النهارده؟ محدش قالي حاجة خالص",
        "مش هينفع كده يا عم، استنى شوية وهكلمك",
        "الواد ده بتاع مشاكل ومبيسمعش الكلام",
        "ليه ماجيتش امبارح؟ كنا مستنيينك",
        "بقولك ايه، هاتلي كوباية شاي معاك",
    ],
    "LEV": [
        "شو عم تعمل هون؟ بدي احكي معك شوي",
        "هيك بصير لما ما حدا بيسمع الكلام",
        "وين رايح؟ استنى لحتى خلص شغلي ومنروح سوا",
        "كتير منيح هالأكل، مين طبخو؟",
        "بدنا نشتري خبز وبندورة قبل ما يسكرو المحلات",
        "لسا ما شفت الفيلم بس حكولي إنو حلو",
    ],
    "GLF": [
        "وش تبي تسوي الحين؟ الدوام خلص",
        "شلونك يا خوي؟ من زمان ما شفناك بالديرة",
        "مدري ليش العيال زعلانين اليوم",
        "أبغى أروح البر مع ربعي بس مافيه وقت",
        "هذي السالفة ما تخلص، كل يوم يقولون شي جديد",
        "تراني قلت لك من أول ما يصير كذا",
    ],
    "MGR": [
        "برشا ناس يحبو يمشيو للبحر في الصيف",
        "علاش ما جيتيش البارح؟ كنت كنتسناك بزاف",
        "واش كاين شي حد فالدار دابا؟",
        "خويا باش يخدم في العاصمة كيما قال",
        "راني عيان اليوم، ما نقدرش نخرج معاكم",
        "شنوة هاذا؟ موش فاهم والو",
    ],
    "MSA": [
        "أعلنت الوزارة أن المدارس سوف تفتح أبوابها يوم الأحد المقبل",
        "تقع المدينة على ضفة النهر ويبلغ عدد سكانها نحو خمسين ألف نسمة",
        "لم يكن من السهل عليه أن يغادر القرية التي ولد فيها",
        "تعد القراءة من أهم الوسائل التي تساعد على تنمية التفكير",
        "هل يمكن أن تخبرني كيف أصل إلى المكتبة العامة؟",
        "ذهب الأطفال إلى الحديقة مع معلمتهم في الصباح",
    ],
}


@pytest.mark.parametrize("region", HAND)
def test_sentences_by_hand(region: str) -> None:
    tags = [dialect.tag(text) for text in HAND[region]]
    assert [found for found, _ in tags].count(region) >= len(tags) - 1, tags
    assert all(0.2 <= score <= 1 for _, score in tags)


def test_what_cannot_be_told_is_unknown() -> None:
    for text in ("", "كتاب", "hello my friend", "12 34 56", "this is English text with كلمة واحدة", "😀"):
        assert dialect.tag(text) == ("unknown", 0.0)
    assert dialect.tag("دلوقتي")[0] == "EGY"


def test_text_without_markers_is_standard_and_surer_the_longer() -> None:
    words = ["حديقة", "شجرة", "نافذة", "جبل", "طائرة", "مصنع", "قلعة", "بحيرة", "حصان", "سفينة"]
    scores = [dialect.tag(" ".join(words[:count])) for count in (3, 6, 10)]
    assert all(found == "MSA" for found, _ in scores)


def test_columns_have_nulls_and_the_tags_of_their_texts() -> None:
    texts = [HAND["EGY"][0], None, "", HAND["GLF"][0]]
    done = pl.DataFrame({"text": texts}).lazy().select(tag=dialect.tag_expr(pl.col("text"))).collect()
    assert done.schema == {"tag": dialect.TAG}
    tags = [None if row is None else (row["dialect"], row["dialect_score"]) for row in done["tag"]]
    assert tags == [None if text is None else dialect.tag(text) for text in texts]
    assert pl.DataFrame({"text": []}, schema={"text": pl.String}).select(dialect.tag_expr(pl.col("text"))).height == 0


def slow_shares(text: str, model: dialect.Model) -> list[float]:
    """The shares of the regions by plain Python."""
    bits = int(math.log2(len(model.weights)))
    sums = list(model.bias)
    for scale, found in zip(model.scales, block_features(clean(text, MATCHING_KEY), bits), strict=True):
        for region in range(5):
            total = sum(int(model.weights[bucket, region]) for bucket in found)
            sums[region] += scale * total / math.sqrt(max(len(found), 1))
    powers = [math.exp(value - max(sums)) for value in sums]
    return [power / sum(powers) for power in powers]


WORDS = st.sampled_from([row["form"] for row in lexicon.read_table("dialect_words.tsv")])
OTHERS = st.text(st.sampled_from("ابتوفميهنشكسلًّـ7aB٣.؟#_"), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(text=st.lists(WORDS | OTHERS, min_size=1, max_size=40).map(" ".join))
def test_scores_agree_with_a_slow_sum(text: str) -> None:
    model = dialect.model_of()
    shares, counts = dialect.scores(clean_series(pl.Series([text]), MATCHING_KEY), model)
    assert np.allclose(shares[0], slow_shares(text, model), rtol=1e-9, atol=1e-12)
    arabic = [word for word in clean(text, MATCHING_KEY).split() if re.search("[\u0620-\u064a\u0671-\u06d3]", word)]
    assert counts[0, 0] == len(arabic)
    found, score = dialect.tag(text)
    assert found == "unknown" or (score >= 0.4 and math.isclose(score, shares[0].max(), rel_tol=1e-6))


def test_a_higher_threshold_leaves_more_unknown() -> None:
    texts = pl.Series([text for region in HAND.values() for text in region])
    counts = [
        (dialect.tag_series(texts, min_score=floor).struct.field("dialect") == "unknown").sum()
        for floor in (0.0, 0.6, 0.9, 1.0)
    ]
    assert counts[0] == 0
    assert counts == sorted(counts)


def made(**changed: np.ndarray) -> bytes:
    arrays = {
        "weights": np.zeros((4, 5), np.int8),
        "scales": np.ones(2),
        "bias": np.arange(5.0),
        "about": np.frombuffer(b"{}", np.uint8),
    } | changed
    file = BytesIO()
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file.getvalue()


def test_a_model_is_the_same_after_writing_and_reading() -> None:
    model = dialect.model_of()
    data = model.to_bytes()
    again = dialect.read_model(data)
    assert (again.weights == model.weights).all()
    assert again.to_bytes() == data
    assert again.about == model.about


def test_a_model_of_ones_own_is_used(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").write_bytes(made(bias=np.array([0.0, 0.0, 0.0, 0.0, 9.0])))
    assert dialect.tag("ثلاث كلمات فقط", tmp_path / "mine.npz")[0] == "MGR"


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", made(weights=np.zeros((3, 5), np.int8)), made(weights=np.zeros((4, 5))), made(bias=None),
     made(scales=np.ones(3)), made(about=np.array([{}], dtype=object))],
)  # fmt: skip
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a"):
        dialect.read_model(data)


def test_the_shipped_model_says_what_it_was_made_of() -> None:
    sources = dialect.model_of().about["sources"]
    allowed = {"Apache-2.0", "MIT", "CC BY 2.0", "CC BY 4.0", "CC BY-SA 4.0"}
    assert {source["licence"] for source in sources.values()} <= allowed
    assert sum(source["texts"] for source in sources.values()) > 40_000


def test_the_words_are_in_the_spelling_they_are_looked_up_in() -> None:
    rows = lexicon.read_table("dialect_words.tsv")
    forms = [row["form"] for row in rows]
    assert len(forms) == len(set(forms)) > 1000
    assert clean_series(pl.Series(forms), MATCHING_KEY).to_list() == forms
    assert {region for row in rows for region in row["regions"].split(",")} == {*dialect.REGIONS}


def first_characters(folder: Path, name: str, column: str, count: int) -> pl.Series:
    """The beginnings of texts, where they are long enough."""
    import gzip
    import lzma

    path = next((folder / name).glob(f"{name}.jsonl.*"))
    opened = lzma.open if path.suffix == ".xz" else gzip.open
    with opened(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)[column].partition("\n")[2 if column == "text" else 0].strip() for line in lines]
    return pl.Series([text[:count] for text in texts if len(text) > count * 3 // 4])


# Shares of standard texts that get a dialect; measured: 0.005 of articles, 0.024 of questions, 0.004 of news.
STANDARD = [("wiki_ar", "text", 200, 0.01), ("najiz_faq", "question", 20, 0.03), ("saudinewsnet", "content", 200, 0.01)]


@pytest.mark.parametrize(("name", "column", "count", "limit"), STANDARD)
def test_standard_texts_get_no_dialect(shared_data: Path, name: str, column: str, count: int, limit: float) -> None:
    texts = first_characters(shared_data, name, column, count)
    tags = dialect.tag_series(texts).struct.field("dialect")
    assert (~tags.is_in(["MSA", "unknown"])).mean() < limit
    assert (tags == "unknown").mean() < 0.02

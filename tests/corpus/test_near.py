"""Near duplicates against slow references: sets of tuples of words, MinHash in whole numbers, every pair compared."""

import random
from itertools import combinations

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean
from arabic_llm_pipeline.arabic.columns import from_series
from arabic_llm_pipeline.corpus import duplicates, near, near_kernel, workers
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.corpus.shards import ShardSet, map_shards
from arabic_llm_pipeline.corpus.splits import Splitting
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, NearSettings, SplitsSettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import document, instruction, item, pair, peak_mb, read, shards

ALL = ["prose", "instruction", "conversation", "pair"]
THOROUGH = {"bands": 64, "rows": 1}  # finds every pair that is alike at all
LETTERS = "بتثجحدرزسشصضطظعغفقكلمن"
NO_SPLIT = SplitsSettings(dev=0, test=0)


def words(count: int, seed: object) -> list[str]:
    """Different words."""
    rng = random.Random(str(seed))
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choices(LETTERS, k=6))] = None
    return list(found)


def story(seed: object, count: int = 60) -> str:
    return " ".join(words(count, seed))


def shingled(text: str, size: int) -> set[tuple[str, ...]]:
    said = clean(text, MATCHING_KEY).split()
    return {tuple(said[n : n + size]) for n in range(len(said) - size + 1)}


def likeness(one: str, other: str, size: int = 5) -> float:
    a, b = shingled(one, size), shingled(other, size)
    return len(a & b) / len(a | b) if a and b else 0.0


def compared(tmp_path, documents=(), pairs=(), items=(), per_shard=3, splits=NO_SPLIT, processes=1, exact=True, **how):
    """Every table after its verdicts, in one frame each."""
    tables = {"documents": documents, "pairs": pairs, "items": items}
    made = {table: shards(tmp_path / table, table, *rows, per_shard=per_shard) for table, rows in tables.items()}
    chosen = DuplicatesSettings(exact=exact, near=NearSettings(**({"scope": ALL} | how)))
    verdicts = duplicates.find(made, chosen, splits, processes, tmp_path)
    assert verdicts.schema == duplicates.VERDICTS
    assert not [path for path in tmp_path.iterdir() if path.name not in tables and path.name != "out"]
    path = tmp_path / "verdicts.parquet"
    verdicts.write_parquet(path)
    return {
        table: ShardSet(map_shards(Splitting(table, path, splits), made[table], tmp_path / "out" / table, processes))
        .scan()
        .collect()
        for table in tables
    }


def reasons(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame.filter(pl.col("reason").is_not_null()).select("id", "reason").rows())


TEXTS = st.lists(st.lists(st.sampled_from(["ا", "ب", "تت", "ثثث"]), max_size=14).map(" ".join), min_size=2, max_size=6)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 6), st.sampled_from([" ", "\n", "  "]))
def test_sets_and_their_likeness_are_those_of_tuples_of_words(texts, size, blank):
    column = from_series(pl.Series([text.replace(" ", blank) for text in texts]))
    values, sizes = near_kernel.shingle_sets(column.data, column.offsets, size)
    sets = [shingled(text, size) for text in texts]
    assert sizes.tolist() == [len(one) for one in sets]
    assert len(set(values.tolist())) == len(set().union(*sets))
    ends = np.concatenate([[0], sizes]).cumsum()
    for a, b in combinations(range(len(texts)), 2):
        if sets[a] and sets[b]:
            wanted = likeness(texts[a], texts[b], size)
            assert near_kernel.jaccard(values, ends, a, b) == wanted
            assert near_kernel.alike(values, ends, a, b, 0.5) == (wanted >= 0.5)


M64, M32 = (1 << 64) - 1, (1 << 32) - 1


def mixed(value: int) -> int:
    """SplitMix64 in whole numbers."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & M64
    value = (value ^ value >> 27) * 0x94D049BB133111EB & M64
    return value ^ value >> 31


def fnv(word: str) -> int:
    value = 0xCBF29CE484222325
    for byte in word.encode():
        value = (value ^ byte) * 0x100000001B3 & M64
    return value


def signature(text: str, size: int, count: int) -> list[int] | None:
    numbers = [mixed((n + 1) * 0x9E3779B97F4A7C15 & M64) >> 32 for n in range(2 * count)]
    hashes, said = [], [fnv(word) for word in text.split()]
    for n in range(len(said) - size + 1):
        value = 0
        for word in said[n : n + size]:
            value = (value * 0xD1342543DE82EF95 + word) & M64
        hashes.append(mixed(value) >> 32)
    if not hashes:
        return None
    return [min((code ^ numbers[count + n]) * (numbers[n] | 1) & M32 for code in hashes) for n in range(count)]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.one_of(st.none(), st.lists(st.sampled_from(["كتاب", "x", "بيت"]), max_size=9).map(" ".join)), min_size=1
    )
)
def test_signatures_are_those_of_whole_numbers(texts):
    found, enough = near.signatures(pl.Series(texts, dtype=pl.String), 3, 12)
    wanted = [None if text is None else signature(text, 3, 12) for text in texts]
    assert [row if has else None for row, has in zip(found.tolist(), enough.tolist(), strict=True)] == wanted


def test_texts_that_are_too_short_have_no_bands():
    frame = pl.DataFrame({"t": ["واحد اثنان", "واحد اثنان ثلاثة", None, ""]})
    found = frame.select(near.band_expr(pl.col("t"), NearSettings(shingle=3, bands=4)))["t"]
    assert found.dtype == pl.Array(pl.UInt64, 4)
    assert found.is_null().to_list() == [True, False, True, True]


def with_likeness(shared: int, own: int, seed: int) -> tuple[str, str]:
    """Two texts of different words: so many in both, and in each so many of its own."""
    said = words(shared + 2 * own, seed)
    return " ".join(said[: shared + own]), " ".join(said[:shared] + said[shared + own :])


@pytest.mark.parametrize(("shared", "own"), [(0, 50), (20, 40), (40, 30), (60, 20), (80, 10), (95, 3), (100, 0)])
def test_signatures_agree_as_often_as_sets_do(shared, own):
    functions, pairs = 512, 20
    exact = shared / (shared + 2 * own)
    found = []
    for seed in range(pairs):
        one, other = with_likeness(shared, own, seed)
        assert likeness(one, other, 1) == exact
        both, _ = near.signatures(pl.Series([one, other]), 1, functions)
        found.append((both[0] == both[1]).mean())
    deviation = (exact * (1 - exact) / functions) ** 0.5
    assert np.mean(found) == pytest.approx(exact, abs=4 * deviation / pairs**0.5 + 1e-9)
    assert max(abs(share - exact) for share in found) <= 5 * deviation + 1e-9


@pytest.mark.parametrize(("bands", "rows"), [(14, 8), (20, 4)])
@pytest.mark.parametrize(("shared", "own"), [(40, 30), (60, 20), (70, 15), (80, 10), (90, 5)])
def test_the_share_of_pairs_that_become_candidates_is_what_the_curve_says(bands, rows, shared, own):
    pairs = [with_likeness(shared, own, seed) for seed in range(300)]
    texts = pl.DataFrame({"t": [text for both in pairs for text in both]})
    bands_of = texts.select(near.band_expr(pl.col("t"), NearSettings(shingle=1, bands=bands, rows=rows)))["t"]
    found = {tuple(row) for row in near.candidate_pairs(bands_of.to_numpy()).tolist()}
    assert all(b == a + 1 and a % 2 == 0 for a, b in found)  # texts of different pairs have nothing in common
    likely = 1 - (1 - (shared / (shared + 2 * own)) ** rows) ** bands
    assert len(found) / len(pairs) == pytest.approx(likely, abs=4 * (likely * (1 - likely) / len(pairs)) ** 0.5 + 0.005)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
def test_candidates_are_all_that_agree_in_a_band_where_buckets_are_small(rows):
    hashes = np.array(rows, np.uint64).reshape(-1, 2)
    wanted = {
        (a, b)
        for a, b in combinations(range(len(rows)), 2)
        if any(x == y for x, y in zip(rows[a], rows[b], strict=True))
    }
    found = [tuple(row) for row in near.candidate_pairs(hashes).tolist()]
    assert len(found) == len(set(found))
    assert set(found) <= wanted
    sizes = [rows.count(row) for row in rows]
    if len(rows) <= near.NEIGHBOURS + 1:
        assert found == sorted(wanted)
    assert near.candidate_pairs(np.zeros((50, 1), np.uint64)).shape == (sum(min(n, 9) for n in range(50)), 2), sizes


def versions(rng: random.Random, count: int) -> list[str]:
    """Texts on few stories, some words of each changed: from the same to hardly alike, and chains between."""
    said = []
    for _ in range(count):
        text = story(rng.randrange(4), 30).split()
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            text[rng.randrange(len(text))] = rng.choice(["غيره", "سواه"])
        said.append(" ".join(text[: rng.choice([3, 25, 28, 30])]))
    return said


def who_stays(texts: list[str], splits: list[str | None], threshold: float, size: int, longest: bool) -> list[int]:
    """Of each text, the one that stays for it: all pairs compared, likeness followed from one to the next."""
    alike = {(a, b) for a, b in combinations(range(len(texts)), 2) if likeness(texts[a], texts[b], size) >= threshold}
    alike |= {(b, a) for a, b in alike}
    turn = sorted(
        range(len(texts)), key=lambda n: (splits[n] is None, -longest * len(clean(texts[n], MATCHING_KEY)), n)
    )
    stays: dict[int, int] = {}
    for n in turn:
        stays[n] = next((m for m in turn[: turn.index(n)] if stays[m] == m and (m, n) in alike), n)
    return [stays[n] for n in range(len(texts))]


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([0.4, 0.6, 0.8]), st.integers(2, 5), st.booleans())
def test_who_goes_is_who_goes_when_every_pair_is_compared(tmp_path_factory, seed, threshold, size, longest):
    rng = random.Random(seed)
    texts = versions(rng, 24)
    splits = [rng.choice([None, None, None, "test"]) for _ in texts]
    rows = [document(f"{n:02}", text, split=split) for n, (text, split) in enumerate(zip(texts, splits, strict=True))]
    how = {
        "threshold": threshold,
        "shingle": size,
        "stays": "longest" if longest else "first",
        "exact": False,
    } | THOROUGH
    found = compared(tmp_path_factory.mktemp("near"), rows, **how)["documents"]
    stays = who_stays(texts, splits, threshold, size, longest)
    wanted = [
        None if m == n else "near_evaluation" if splits[m] and not splits[n] else "near_duplicate"
        for n, m in enumerate(stays)
    ]
    # an equal text is a prompt of the evaluation, too: that is said first
    assert [None if r == "in_evaluation" else r for r in found["reason"]] == [
        None if r == "in_evaluation" else w for r, w in zip(found["reason"], wanted, strict=True)
    ]
    assert found["copies"].sum() == found["reason"].is_in(["near_duplicate", "near_evaluation"]).sum()


def changed(text: str, *places: int) -> str:
    said = text.split()
    for place in places:
        said[place] = "غيره"
    return " ".join(said)


def test_the_first_stays_or_the_longest(tmp_path):
    text = story(1)
    rows = [document("0", text), document("1", text + " وبعد هذا"), document("2", text + " وبعد ذاك")]
    rows += [document("3", story(2)), document("4", changed(story(2), 0))]
    found = compared(tmp_path / "first", rows, **THOROUGH)["documents"]
    assert reasons(found) == {"s/1": "near_duplicate", "s/2": "near_duplicate", "s/4": "near_duplicate"}
    assert found["copies"].to_list() == [2, 0, 0, 1, 0]
    found = compared(tmp_path / "longest", rows, stays="longest", **THOROUGH)["documents"]
    assert reasons(found) == {"s/0": "near_duplicate", "s/2": "near_duplicate", "s/4": "near_duplicate"}
    assert found["copies"].to_list() == [0, 2, 0, 1, 0]
    assert reasons(compared(tmp_path / "off", rows, enabled=False)["documents"]) == {}


def test_nothing_goes_that_is_not_alike_to_what_stays(tmp_path):
    """A is like B and B like C, but A is not like C."""
    text = story(3, 100)
    chain = [text + " " + story(4, 12), changed(text, 0), changed(text, 0, 50)]
    assert likeness(chain[0], chain[1]) >= 0.8 <= likeness(chain[1], chain[2])
    assert likeness(chain[0], chain[2]) < 0.8
    found = compared(tmp_path, [document(str(n), text) for n, text in enumerate(chain)], **THOROUGH)["documents"]
    assert reasons(found) == {"s/1": "near_duplicate"}


def test_training_that_is_near_to_what_is_measured_on_goes_as_such(tmp_path):
    text = story(5)
    rows = [
        document("long", text + " وكلام بعده"),
        document("held", text, split="test"),
        document("dev", changed(text, 59), split="dev"),
    ]
    found = compared(tmp_path, rows, **THOROUGH)["documents"]
    assert reasons(found) == {"s/long": "near_evaluation", "s/dev": "near_duplicate"}


def test_equal_records_count_with_those_that_are_nearly_equal(tmp_path):
    text = story(6)
    rows = [document("0", text), document("1", text), document("2", text + " وكلام بعده")]
    found = compared(tmp_path, rows, stays="longest", **THOROUGH)["documents"]
    assert reasons(found) == {"s/0": "near_duplicate", "s/1": "duplicate"}
    assert found["copies"].to_list() == [0, 0, 2]


def test_the_scope_says_what_is_compared_and_tables_are_apart(tmp_path):
    long, answer = story(7), story(8)
    documents = [document("p", long), instruction("0", long, answer), instruction("1", long, changed(answer, 30))]
    documents += [document("q", changed(long, 0)), instruction("2", "سؤال قصير", "جواب")]
    pairs = [pair("0", long, answer, "لا"), pair("1", long, changed(answer, 30), "لا")]
    items = [item("0", story(9), "أ"), item("1", changed(story(9), 0), "أ")]

    def gone(folder: str, scope: list[str]) -> set[str]:
        found = compared(tmp_path / folder, documents, pairs, items, scope=scope, **THOROUGH)
        return {f"{table}/{name[2:]}" for table, frame in found.items() for name in reasons(frame)}

    assert gone("prose", ["prose"]) == {"documents/q"}
    assert gone("instruction", ["instruction"]) == {"documents/1"}
    assert gone("pair", ["pair"]) == {"pairs/1"}
    assert gone("conversation", ["conversation"]) == set()
    assert gone("all", ALL) == {"documents/q", "documents/1", "pairs/1"}


def test_spelling_variants_are_one_text(tmp_path):
    text = " ".join(["إلى", "المدرسة", "أحمد", "يقرأ"] * 3) + " " + story(10, 20)
    other = text.replace("إ", "ا").replace("ة", "ه").replace("أ", "ا") + " هنا!"
    assert len(reasons(compared(tmp_path, [document("0", text), document("1", other)])["documents"])) == 1


@pytest.fixture(scope="module")
def crowd() -> list[dict]:
    rng = random.Random(0)
    return [
        document(f"{n:03}", text, split=rng.choice([None, None, "dev"])) for n, text in enumerate(versions(rng, 120))
    ]


def test_processes_and_shards_change_nothing(tmp_path, crowd, monkeypatch):
    def outcome(name: str, **how) -> pl.DataFrame:
        return compared(tmp_path / name, crowd, **how)["documents"].select("id", "split", "copies", "reason")

    one = outcome("one", per_shard=50)
    assert set(one["reason"]) == {None, "duplicate", "near_duplicate", "near_evaluation"}
    monkeypatch.setattr(workers, "SMALL", 0)
    for name, how in {
        "two": {"per_shard": 50, "processes": 2},
        "small": {"per_shard": 7},
        "whole": {"per_shard": 500},
    }.items():
        assert outcome(name, **how).equals(one)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.integers(0, 25), st.integers(0, 25))
def test_adding_data_moves_no_document_to_another_split(tmp_path_factory, seed, before, after):
    """What joins a cluster, or two of them, may take a training record away; never does one change sides."""
    rng, shares = random.Random(seed), SplitsSettings(dev=0.2, test=0.2)
    texts = versions(rng, 25 + before + after)
    rows = [document(str(n), text) for n, text in enumerate(texts)]
    few = rows[before : before + 25]
    one = compared(tmp_path_factory.mktemp("few"), few, splits=shares, per_shard=10)["documents"]
    more = compared(tmp_path_factory.mktemp("more"), rows, splits=shares, per_shard=10)["documents"]
    splits = dict(more.select("id", "split").rows())
    assert dict(one.select("id", "split").rows()) == {name: splits[name] for name in one["id"]}
    left = more.filter(pl.col("reason").is_null())
    said = {
        split: left.filter(split=split)["messages"].list.first().struct.field("content")
        for split in set(splits.values())
    }
    for text in said.get("train", []):
        for split in {"dev", "test"} & set(said):
            assert all(likeness(text, other) < 0.95 for other in said[split])


def test_the_copies_by_another_hand_in_the_sample_are_found_and_no_template_is(tmp_path, project):
    """data/01_raw/README.md counts twelve near duplicates among prose; thousands of questions are of one template."""
    given = yaml.safe_load((project / "conf/base/parameters/sources.yml").read_text(encoding="utf-8"))["sources"]
    tables: dict[str, list] = {"documents": [], "pairs": [], "items": []}
    for name, fields in sorted(given.items()):
        for path in sorted((project / "data/01_raw").glob(fields["path"])):
            found = read(path, **{key: value for key, value in fields.items() if key != "path"})
            for table, rows in tables.items():
                rows += [row | {"id": f"{name}/{row['id']}"} for row in found[table]]
    assert len(tables["documents"]) > 7000
    assert len(tables["pairs"]) > 2000
    cleaned = {}
    for table, rows in tables.items():
        frame = Cleaning(table, TextSettings(), FilterSettings())(shards(tmp_path / table, table, *rows).scan(), 0)
        cleaned[table] = frame.collect().to_dicts()
    work = tmp_path / "work"
    work.mkdir()
    found = compared(work, per_shard=4000, splits=SplitsSettings(), **cleaned)
    near_ones = found["documents"].filter(pl.col("reason").str.starts_with("near"))
    assert len(near_ones) == 12
    assert set(near_ones["kind"]) == {"prose"}
    assert not any(str(reason).startswith("near") for reason in [*found["pairs"]["reason"], *found["items"]["reason"]])


MEASURE = """
import resource, sys
from pathlib import Path
from arabic_llm_pipeline.corpus import duplicates
from arabic_llm_pipeline.corpus.records import DOCUMENTS, SCHEMAS
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from tests.corpus.making import document
if __name__ == "__main__":
    root, tables = Path(sys.argv[1]), {}
    for table in ("documents", "pairs", "items"):
        with ShardWriter(root / table, SCHEMAS[table], 500) as writer:
            for n in range(int(sys.argv[2]) if table == "documents" else 0):
                words = [f"w{(n - n % 50 // 49) * 600 + k}" for k in range(600)]
                writer.add(document(str(n), "نص " + " ".join(words) + (" ختام" if n % 50 == 49 else "")))
        tables[table] = ShardSet(root / table)
    found = duplicates.find(tables, DuplicatesSettings(), SplitsSettings(), 1, root)
    assert len(found) == int(sys.argv[2]) // 50, len(found)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_is_that_of_signatures_not_of_texts(tmp_path, project):
    small, large = (peak_mb(MEASURE, tmp_path, project, rows) for rows in (2500, 20_000))  # 14 MB and 110 MB of text
    assert large < small + 60, (small, large)

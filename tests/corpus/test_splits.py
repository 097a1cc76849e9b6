"""Splits: nobody moves when data is added, every source and dialect has its share, no cluster lies on both sides."""

import random
from collections import Counter
from hashlib import blake2b
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean
from arabic_llm_pipeline.corpus import duplicates, funnel
from arabic_llm_pipeline.corpus.records import RECORDS
from arabic_llm_pipeline.corpus.shards import ShardSet, map_shards
from arabic_llm_pipeline.corpus.splits import Splitting
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, Shares, SplitsSettings
from tests.corpus.making import document, shards
from tests.corpus.test_near import likeness

SHARES = SplitsSettings(dev=0.2, test=0.3)
FEW = settings(max_examples=12, deadline=None)


def parted(folder: Path, rows: list[dict], shares: SplitsSettings = SHARES, per_shard: int = 40) -> dict[str, ShardSet]:
    """The tables after comparing and splitting."""
    made = {table: shards(folder / table, table, *(rows if table == "documents" else []), per_shard=per_shard)
            for table in RECORDS}  # fmt: skip
    verdicts = duplicates.find(made, DuplicatesSettings(), shares, 1, folder)
    verdicts.write_parquet(folder / "verdicts.parquet")
    step = Splitting("documents", folder / "verdicts.parquet", shares)
    return made | {"documents": ShardSet(map_shards(step, made["documents"], folder / "out", 1))}


def split_of(rows: list[dict], shares: SplitsSettings = SHARES, per_shard: int = 40) -> pl.DataFrame:
    with TemporaryDirectory() as folder:
        return (
            parted(Path(folder), rows, shares, per_shard)["documents"].scan().select("id", "split", "reason").collect()
        )


def like(number: int, shift: int = 0) -> str:
    """A text of a hundred words; shifted by ten it is near to itself, by twenty it is not."""
    return " ".join(f"كلمة{number}ب{place + shift}" for place in range(100))


def hashed(text: str) -> str:
    place = int.from_bytes(blake2b(clean(text, MATCHING_KEY).encode(), digest_size=16, key=b"0").digest()[:8]) / 2**64
    return "dev" if place < SHARES.dev else "test" if place < SHARES.dev + SHARES.test else "train"


texts = st.tuples(st.integers(0, 12), st.sampled_from([0, 10, 20])).map(lambda one: like(*one))


@FEW
@given(st.lists(texts, min_size=1, max_size=30), st.lists(texts, max_size=30), st.integers(0, 3))
def test_nobody_moves_when_documents_are_added(before: list[str], added: list[str], seed: int) -> None:
    shares = SHARES.model_copy(update={"seed": seed})
    old = [document(f"old{n}", text, dialect="MSA") for n, text in enumerate(before)]
    new = [document(f"new{n}", text, source="a", dialect="EGY") for n, text in enumerate(added)]  # come before the old
    one, two = split_of(old, shares), split_of([*new, *old], shares)
    both = one.join(two, on="id", suffix="_now")
    assert len(both) == len(old)
    assert both["split"].to_list() == both["split_now"].to_list()
    said = {f"s/old{n}": text for n, text in enumerate(before)} | {f"s/new{n}": text for n, text in enumerate(added)}
    kept = two.filter(pl.col("reason").is_null())
    sides = [[said[name] for name in kept.filter(split=split)["id"]] for split in ("test", "train")]
    assert not [1 for one, other in product(*sides) if likeness(one, other) >= 0.8]


@pytest.mark.parametrize("wanted", list(product(["train", "test"], repeat=3)))
def test_a_document_that_joins_two_clusters_moves_neither(tmp_path: Path, wanted: tuple[str, str, str]) -> None:
    """One and other are not alike; the bridge that is added is near to both."""
    number = next(n for n in range(1000) if tuple(hashed(like(n, shift)) for shift in (0, 20, 10)) == wanted)
    rows = [document(str(place), like(number, shift)) for place, shift in enumerate((0, 20, 10))]
    alone = split_of(rows[:2])
    assert alone["reason"].to_list() == [None, None]
    tables = parted(tmp_path, rows)
    found = tables["documents"].scan().select("id", "split", "reason").collect()
    assert found["split"].to_list() == list(wanted)
    first, other, bridge = wanted
    if bridge == "test" and first == other == "train":
        assert found["reason"].to_list() == ["near_evaluation", "near_evaluation", None]
    elif "test" in (first, other) and bridge == "train":
        assert found["reason"].to_list() == [None, None, "near_evaluation"]
    else:  # of a cluster on one side of the border the first stays, and what is not like it
        assert found["reason"].drop_nulls().to_list() == ["near_duplicate"]
    ingested = tables | {"documents": shards(tmp_path / "fresh", "documents", *rows)}
    counted = funnel.make(ingested, {table: tables[table] for table in RECORDS}, shards(tmp_path / "no", "rejects"), 1)
    dropped = counted.filter(step="compare", outcome="dropped")
    assert dropped["rows"].sum() == found["reason"].count()


def test_every_source_and_dialect_has_its_share() -> None:
    """Within five standard deviations of what was asked, in each of twelve strata; one source asks for more."""
    rng = random.Random(1)
    strata = list(product(["news", "wiki", "web", "small"], ["MSA", "EGY", "LEV"]))
    sizes = {stratum: 60 if stratum[0] == "small" else rng.randrange(300, 900) for stratum in strata}
    rows = [
        document(f"{source}{dialect}{n}", f"نص {n} من {source} في {dialect}", source=source, dialect=dialect)
        for (source, dialect), size in sizes.items()
        for n in range(size)
    ]
    shares = SplitsSettings(dev=0.1, test=0.2, sources={"small": {"dev": 0.0, "test": 0.5}})
    found = split_of(rows, shares, 2000)
    counts = Counter((row["source"], row["dialect"], split) for row, split in zip(rows, found["split"], strict=True))
    for (source, dialect), n in sizes.items():
        asked = {"dev": 0.0, "test": 0.5} if source == "small" else {"dev": 0.1, "test": 0.2}
        for split, share in asked.items():
            assert abs(counts[source, dialect, split] - n * share) <= 5 * (n * share * (1 - share)) ** 0.5


def test_shares_of_one_source_move_nothing_of_another() -> None:
    rows = [document(f"{source}{n}", f"نص {n} من {source}", source=source) for source in "ab" for n in range(200)]
    raised = split_of(rows, SHARES.model_copy(update={"sources": {"a": Shares(test=0.8)}}))
    plain = split_of(rows)
    assert plain["split"][200:].to_list() == raised["split"][200:].to_list()
    assert (raised["split"][:200] == "test").sum() > 130
    with pytest.raises(ValidationError, match="more than there is"):
        SplitsSettings(sources={"a": {"dev": 0.6, "test": 0.6}})

"""MSA along a chain of dialects, worked out by hand."""

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.evaluation.forgetting import FORGETTING, chains, forgotten
from arabic_llm_pipeline.evaluation.results import VALUES
from arabic_llm_pipeline.evaluation.statistics import holm
from arabic_llm_pipeline.recipes import candidates

BITS = {"base": 2.0, "msa": 1.0, "msa_egy": 1.5, "msa_egy_lev": 0.75, "msa_egy_lev_glf": 1.0, "dialects": 2.5}
BYTES = (100.0, 300.0, 50.0)


def values(bits: float, dialect: str = "MSA") -> pl.DataFrame:
    """Three documents of MSA, and one of Egyptian and one with letters unified, which are not to count."""
    about = {"measure": "perplexity", "metric": "bits_per_byte", "set": "prose", "family": None}
    rows = [
        {**about, "id": f"d/{place}", "dialect": dialect, "value": bits * size, "weight": size}
        for place, size in enumerate(BYTES)
    ]
    rows.append({**about, "id": "d/egy", "dialect": "EGY", "value": 900.0, "weight": 1.0})
    rows.append({**rows[0], "set": "prose_normalized", "value": 900.0})
    return pl.DataFrame(rows, schema=VALUES)


def of(recipes: str, bits: dict[str, float], *dialect: str) -> dict[str, pl.DataFrame]:
    return {name: values(bits[name], *dialect) if name in bits else VALUES.to_frame() for name in candidates(recipes)}


def test_each_stage_is_held_against_the_best_before_it() -> None:
    """Every document is worse by the same, so that intervals have no width."""
    found = forgotten(of("dialects", BITS), 99, 1)
    assert found.schema == FORGETTING
    assert found.select("group", "chain", "documents").unique().rows() == [("MSA", "dialects", 3)]
    assert found["candidate"].to_list() == list(BITS)
    assert found["bits_per_byte"].to_list() == pytest.approx(list(BITS.values()))
    assert found["best_before"].to_list() == [None, "base", "msa", "msa", "msa_egy_lev", "msa_egy_lev"]
    first, *others = found.select("difference", "low", "high").rows()
    assert first == (None, None, None)
    for row, difference in zip(others, (-1.0, 0.5, -0.25, 0.25, 1.75), strict=True):
        assert row == pytest.approx((difference,) * 3)
    assert found["p"].to_list() == [None, *[pytest.approx(2 / 100)] * 5]
    assert found["p_holm"].to_list() == [None, *[pytest.approx(10 / 100)] * 5]


def test_the_interval_is_of_documents_that_are_drawn_for_both() -> None:
    """Against a bootstrap of a loop; of two stages, in which documents differ by more or less."""
    size, was, now = np.array(BYTES), np.array([2.0, 1.0, 3.0]), np.array([2.5, 0.9, 3.5])
    both = {name: values(0.0).with_columns(value=pl.Series([*(bits * size), 900.0, 900.0]))
            for name, bits in (("msa", was), ("msa_egy", now))}  # fmt: skip
    row = forgotten({"base": values(9.0), **both}, 500, 3).row(-1, named=True)
    assert row["difference"] == pytest.approx((now * size).sum() / size.sum() - (was * size).sum() / size.sum())
    drawn = np.random.default_rng(3).multinomial(3, np.full(3, 1 / 3), size=500)
    changes = [((now - was) * size * counts).sum() / (size * counts).sum() for counts in drawn]
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(changes, [0.025, 0.975])))


def test_holm_allows_for_one_chain_and_group() -> None:
    """What our tagger calls MSA stands apart, and does not make the other tests stricter."""
    frames = of("dialects", BITS)
    tagged = {name: frame.filter(dialect="MSA").with_columns(dialect=pl.lit("MSA (tagged)"))
              for name, frame in frames.items()}  # fmt: skip
    found = forgotten({name: pl.concat([frames[name], tagged[name]]) for name in frames}, 99, 1)
    assert found["group"].unique(maintain_order=True).to_list() == ["MSA", "MSA (tagged)"]
    for part in found.partition_by("group"):
        known = part.drop_nulls("p")
        assert known["p_holm"].to_list() == pytest.approx(holm(known["p"].to_list()))


def test_without_a_chain_of_dialects_or_values_there_is_nothing() -> None:
    assert forgotten(of("sft_dpo", {"base": 2.0, "sft": 1.0, "sft_dpo": 1.0}), 99, 0).is_empty()
    assert forgotten(of("dialects", {}), 99, 0).schema == FORGETTING
    assert forgotten(of("dialects", {"msa": 1.0}), 99, 0).is_empty()


def test_a_stage_that_was_not_measured_is_left_out() -> None:
    found = forgotten(of("dialects", {name: BITS[name] for name in ("base", "msa", "dialects")}), 99, 0)
    assert found.select("candidate", "best_before").rows() == [("base", None), ("msa", "base"), ("dialects", "msa")]


def test_a_chain_goes_from_the_base_to_its_last_stage() -> None:
    assert chains(candidates("sft_dpo+dialects")) == [list(BITS)]

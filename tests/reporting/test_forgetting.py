"""MSA along a chain of dialects."""

import polars as pl
import pytest

from arabic_llm_pipeline.evaluation.results import VALUES
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.recipes import candidates
from arabic_llm_pipeline.reporting import forgetting
from arabic_llm_pipeline.reporting.inputs import Inputs

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


def inputs(recipes: str, bits: dict[str, float], *dialect: str) -> Inputs:
    names = candidates(recipes)
    entries = {f"{name}_language_values": values(bits[name], *dialect) for name in names if name in bits}
    return Inputs(names, names[1:], {**entries, "language": LanguageSettings(), "seed": 1})


def test_each_stage_is_held_against_the_best_before_it() -> None:
    """By hand; every document is worse by the same, so that intervals have no width."""
    [block] = forgetting.blocks(inputs("dialects", BITS))
    [table] = block.tables
    assert [row[0] for row in table.rows] == list(BITS)
    assert [float(row[2]) for row in table.rows] == pytest.approx(list(BITS.values()))
    assert {row[1] for row in table.rows} == {"3"}
    assert [row[3:5] for row in table.rows] == [
        ["n/a", "n/a"],
        ["base", "-1.000 [-1.000, -1.000]"],
        ["msa", "+0.500 [0.500, 0.500]"],
        ["msa", "-0.250 [-0.250, -0.250]"],
        ["msa_egy_lev", "+0.250 [0.250, 0.250]"],
        ["msa_egy_lev", "+1.750 [1.750, 1.750]"],
    ]


def test_without_a_chain_of_dialects_or_values_there_is_nothing_to_say() -> None:
    assert forgetting.blocks(inputs("sft_dpo", {"base": 2.0, "sft": 1.0, "sft_dpo": 1.0})) == []
    assert forgetting.blocks(inputs("dialects", {})) == []
    assert forgetting.chains(candidates("sft_dpo+dialects")) == [list(BITS)]


def test_what_the_tagger_calls_msa_is_a_table_of_its_own() -> None:
    [block] = forgetting.blocks(inputs("dialects", BITS, "MSA (tagged)"))
    assert [table.caption.split(" after")[0] for table in block.tables] == ["MSA (tagged)"]

"""How forgetting is shown: the figures that evaluation left, a table a chain and group of documents."""

from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation.forgetting import FORGETTING
from arabic_llm_pipeline.reporting import forgetting
from arabic_llm_pipeline.reporting.inputs import Inputs

FIRST = {"candidate": "base", "documents": 1200, "bits_per_byte": 2.0}
LATER = [
    {"candidate": "msa", "documents": 1200, "bits_per_byte": 1.0, "best_before": "base", "difference": -1.0,
     "low": -1.25, "high": -0.75, "p": 0.002, "p_holm": 0.004},
    {"candidate": "msa_egy", "documents": 1200, "bits_per_byte": 1.5, "best_before": "msa", "difference": 0.5,
     "low": 0.25, "high": 0.75, "p": 0.04, "p_holm": 0.04},
]  # fmt: skip


def inputs(*parts: tuple[str, str, list[dict[str, Any]]]) -> Inputs:
    rows = [{"group": group, "chain": chain, **row} for group, chain, part in parts for row in part]
    return Inputs(["base"], [], {"forgetting": pl.DataFrame(rows, schema=FORGETTING)})


def test_a_row_a_stage_with_its_test() -> None:
    [block] = forgetting.blocks(inputs(("MSA", "msa_egy", [FIRST, *LATER])))
    [table] = block.tables
    assert table.rows == [
        ["base", "1,200", "2.000", "n/a", "n/a", "n/a"],
        ["msa", "1,200", "1.000", "base", "-1.000 [-1.250, -0.750]", "0.004"],
        ["msa_egy", "1,200", "1.500", "msa", "+0.500 [0.250, 0.750]", "0.040"],
    ]


def test_chains_and_groups_of_documents_have_tables_of_their_own() -> None:
    both = [FIRST, *LATER]
    [block] = forgetting.blocks(inputs(("MSA", "x", both), ("MSA", "y", both), ("MSA (tagged)", "x", both)))
    assert [table.caption.split(" after")[0] for table in block.tables] == ["MSA", "MSA", "MSA (tagged)"]


def test_without_rows_there_is_nothing_to_say() -> None:
    assert forgetting.blocks(inputs()) == []

"""The data card: read back by the hub's own parser, its figures by hand, and nothing from outside is mark-up."""

from typing import Any

import polars as pl
import pytest
from huggingface_hub import DatasetCard

from arabic_llm_pipeline.corpus.audit import AUDIT, GROUPS
from arabic_llm_pipeline.evaluation.statistics import wilson
from arabic_llm_pipeline.evaluation.toxicity import with_shares
from arabic_llm_pipeline.parameters.audit import CardSettings
from arabic_llm_pipeline.reporting import card
from tests.reporting.made import settings
from tests.reporting.made_corpus import GONE, funnel

NAME = 'Corpus: "news" | <b>*bold*</b> & [link](https://x.org)\n# no heading'
SETTINGS = ("sources", "text", "filters", "quality", "pii", "toxicity", "groups", "audit", "duplicates", "splits")


def audit_row(source: str, **counts: Any) -> dict[str, Any]:
    zeros = {name: 0 for name, dtype in AUDIT.items() if dtype == pl.Int64}
    return {"records": "documents", "source": source, "dialect": "MSA", "licence": "MIT"} | zeros | counts


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    chosen = {name: settings()[name] for name in SETTINGS} | {"card": CardSettings(name=NAME)}
    rows = [audit_row("bactrian", rows=100, looked_at=50, toxic=5, phone=2), audit_row("oasst", rows=40, looked_at=30)]
    said = {"source": "oasst", "dialect": "MSA", "category": "gender", "group": "women", "texts": 3, "mentions": 4,
            "toxic": 1, "around": "بيت 2"}  # fmt: skip
    audit = with_shares(pl.DataFrame(rows, schema=AUDIT), "looked_at")
    groups = with_shares(pl.DataFrame([said], schema=GROUPS), "mentions")
    return card.facts(chosen, 3, funnel(), audit, groups)


def test_the_hub_reads_the_header(made: dict[str, Any]) -> None:
    page = card.markdown(made)
    data = DatasetCard(page).data
    assert data.pretty_name == NAME
    assert data.language == ["ar", "arz", "afb", "apc"]
    assert data.license == ["apache-2.0", "cc-by-nc-4.0", "cc-by-sa-4.0"]
    assert data.size_categories == ["1K<n<10K"]
    assert data.task_categories == ["text-generation", "question-answering"]
    assert data.configs == made["header"]["configs"]
    assert {config["config_name"] for config in data.configs} == {"documents", "pairs", "items"}


def test_the_hubs_words_are_its_own(made: dict[str, Any]) -> None:
    """The classes of size and the tasks that huggingface_hub's template and the hub list."""
    rows = [0, 999, 1000, 99_999, 10**6, 10**9 - 1, 10**9]
    assert [card.size_category(n) for n in rows] == [
        "n<1K", "n<1K", "1K<n<10K", "10K<n<100K", "1M<n<10M", "100M<n<1B", "n>1B",
    ]  # fmt: skip
    given = ["CC BY-SA 4.0", "MIT", "not stated", "Apache 2.0", "research only"]
    assert [card.licence_id(name) for name in given] == ["cc-by-sa-4.0", "mit", "unknown", "apache-2.0", "other"]


def test_figures_are_those_of_the_artifacts(made: dict[str, Any]) -> None:
    by_name = {row["name"]: row for row in made["sources"]}
    assert by_name["wikipedia"] | {"words": 0} == {
        "name": "wikipedia", "licence": "CC BY-SA 4.0", "format": "mediawiki", "kept": 54, "words": 0, "dropped": 1,
        "left_out": 9, "rejected": 0,
    }  # fmt: skip
    assert made["duplicates"] == {"duplicate": 41, "near_duplicate": 0, "in_evaluation": 1,
                                  "overlaps_evaluation": 0, "near_evaluation": 0}  # fmt: skip
    assert made["splits"]["items"] == {"train": 0, "dev": 0, "test": 540}
    assert made["personal_data"]["phone"] == {"policy": "mask", "found": 2}
    every = made["toxicity"]["all"]
    assert (every["rows"], every["looked_at"], every["toxic"]) == (140, 80, 5)
    assert (every["toxic_low"], every["toxic_high"]) == wilson(5, 80)
    assert made["seeds"] == {"seed": 3, "splits.seed": 0}
    assert made["parameters"]["pii"]["phone"] == "mask"
    assert sum(row["rows"] for row in made["reasons"]) == sum(row[5] for row in GONE)


def test_nothing_from_outside_is_mark_up(made: dict[str, Any]) -> None:
    body = card.markdown(made).split("\n---\n", 1)[1]
    heading = next(line for line in body.splitlines() if line.startswith("# "))
    assert heading.startswith(r'# Corpus: "news" \| \<b\>\*bold\*\</b\> &amp; \[link\](https://x.org) \# no heading')
    assert [line for line in body.splitlines() if line.startswith("# ")] == [heading]
    cells = {line.replace(r"\|", "").count("|") for line in body.splitlines() if line.startswith("| bactrian |")}
    assert cells == {9, 8}  # a row of sources and one of toxicity, whole


def test_a_corpus_of_which_nothing_is_left_has_a_card_too(made: dict[str, Any]) -> None:
    kept = pl.DataFrame(schema={"records": pl.String, "dialect": pl.String, "rows": pl.Int64})
    header = card.header("empty", kept, [])
    assert (header["license"], header["size_categories"], header["configs"]) == (["unknown"], ["n<1K"], [])

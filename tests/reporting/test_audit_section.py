"""The audit in the report."""

from pathlib import Path

from arabic_llm_pipeline.reporting import audit
from tests.reporting import made
from tests.reporting.made_corpus import audit_table, group_mentions


def test_sources_are_sums_of_their_dialects() -> None:
    table = audit.sources_table(audit_table())
    names = [column.name for column in table.columns]
    first = dict(zip(names, table.rows[0], strict=True))
    assert (first["Source"], first["Rows"], first["Looked at"], first["phone"]) == ("bactrian", "3,945", "1,000", "3")
    assert (first["Toxic"], first["95%"]) == ("1.3%", "0.8% to 2.2%")
    assert "email" not in names  # none was found
    assert len(audit.dialects_table(audit_table()).rows) == 3


def test_the_page_shows_it_where_something_was_looked_at(tmp_path: Path) -> None:
    page = made.page(tmp_path / "page")
    assert "Personal data, toxicity and mentions of groups by source" in page
    assert "\u0628\u064a\u062a 9" in page
    nothing = {"audit_table": audit_table().clear(), "group_mentions": group_mentions().clear()}
    assert "Toxic around" not in made.page(tmp_path / "none", **nothing)

"""The audit of a small corpus by hand, its sample, and the policies that drop."""

from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import audit
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.corpus.records import DOCUMENTS, TAUGHT
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.audit import AuditSettings, GroupsSettings, ToxicitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import document, instruction, pair, shards

EGY = {"dialect": "EGY"}
ROWS = [
    document("1", "قالت النساء في البيت [رقم هاتف] كلاما جميلا", dialect="MSA"),
    document("2", "يا نذل يا سافل اخرج من البيت", **EGY),
    document("3", "يا نذل يا سافل والنساء هنا", **EGY),
    document("4", "نص مكرر عن النساء", reason="duplicate", **EGY),
    document("5", "المسلمون والنساء والمسلمات اتصل بالهاتف 0501234567", source="t", dialect="GLF"),
]
PAIRS = [pair("1", "من النساء؟", "سؤال جيد", "سؤال سيئ", dialect="MSA")]


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, ShardSet]:
    return {
        "documents": shards(tmp_path / "d", "documents", *ROWS, per_shard=2),
        "pairs": shards(tmp_path / "p", "pairs", *PAIRS),
    }


def made(tables: dict[str, ShardSet], **settings: object) -> tuple[pl.DataFrame, pl.DataFrame]:
    return audit.make(tables, AuditSettings(**settings), ToxicitySettings(), None, 0, 1)


def test_the_table_by_hand(tables: dict[str, ShardSet]) -> None:
    table, _ = made(tables)
    assert table.schema == audit.AUDIT
    found = table.select("records", "source", "dialect", "rows", "looked_at", "toxic", "phone", "gender", "religion")
    assert found.rows() == [
        ("documents", "s", "EGY", 2, 2, 2, 0, 1, 0),
        ("documents", "s", "MSA", 1, 1, 0, 1, 1, 0),
        ("documents", "t", "GLF", 1, 1, 0, 1, 1, 1),
        ("pairs", "s", "MSA", 1, 1, 0, 0, 1, 0),
    ]


def test_what_is_said_around_groups(tables: dict[str, ShardSet]) -> None:
    _, groups = made(tables, window=3)
    assert groups.schema == audit.GROUPS
    rows = {row["group"]: row for row in groups.filter(source="t").to_dicts()}
    assert (rows["Muslims"]["texts"], rows["Muslims"]["mentions"]) == (1, 2)
    said = groups.filter(source="s", dialect="EGY", group="women").row(0, named=True)
    assert (said["mentions"], said["toxic"]) == (1, 1)  # "wretch" and "lowlife" are the words before it
    assert said["around"] == "سافل 1، نذل 1"
    both = groups.filter(source="s", dialect="MSA", group="women").row(0, named=True)
    assert both["texts"] == both["mentions"] == 2  # a document and a pair


def test_a_sample_is_the_same_whatever_the_shards(tmp_path: Path) -> None:
    rows = [document(str(n), f"عن الرجال {n}" if n % 3 else "عن البيت", dialect="MSA") for n in range(120)]
    rows += [document(f"t{n}", "قليل", source="t", dialect="MSA") for n in range(5)]
    pairs = shards(tmp_path / "p", "pairs")
    found = []
    for size in (1000, 17):
        tables = {"documents": shards(tmp_path / str(size), "documents", *rows, per_shard=size), "pairs": pairs}
        found.append(made(tables, sample=30))
    assert found[0][0].equals(found[1][0])
    assert found[0][1].equals(found[1][1])
    table = found[0][0]
    assert table.filter(source="s").select("rows", "looked_at").row(0) == (120, 30)
    assert table.filter(source="t").select("rows", "looked_at").row(0) == (5, 5)
    assert 10 <= table.filter(source="s")["gender"][0] <= 28  # two thirds of thirty, but for chance
    assert made(tables, sample=None)[0]["gender"].sum() == 80


def test_an_empty_corpus_has_empty_tables(tmp_path: Path) -> None:
    empty = {name: shards(tmp_path / name, name) for name in TAUGHT}
    assert [len(table) for table in made(empty)] == [0, 0]


def reasons(toxic: ToxicitySettings, groups: GroupsSettings) -> list[tuple[str | None, float | None]]:
    rows = [
        document("1", "يا نذل يا سافل اخرج من البيت"),
        instruction("2", "من هم المسلمون؟", "المسلمون هم من يدينون بالإسلام"),
        document("3", "هذا نص عن البيت الكبير"),
    ]
    frame = pl.DataFrame(rows, schema=DOCUMENTS)
    step = Cleaning("documents", TextSettings(), FilterSettings(), toxic=toxic, groups=groups)
    return step(frame.lazy(), 0).collect().select("reason", "value").rows()


def test_policies_drop_with_reason_and_value() -> None:
    kept = (None, None)
    assert reasons(ToxicitySettings(), GroupsSettings()) == [kept] * 3
    toxic = reasons(ToxicitySettings(policy="drop"), GroupsSettings())
    assert toxic == [("toxic", pytest.approx(2 / 3)), kept, kept]
    assert reasons(ToxicitySettings(policy="drop", threshold=0.7), GroupsSettings()) == [kept] * 3
    religion = reasons(ToxicitySettings(), GroupsSettings(religion="drop"))
    assert religion == [kept, ("group_religion", 2.0), kept]


def test_a_file_that_is_no_model_is_said(tmp_path: Path, tables: dict[str, ShardSet]) -> None:
    (tmp_path / "other.npz").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"toxicity\.model: .*other\.npz is not a file of a toxicity model"):
        audit.make(tables, AuditSettings(), ToxicitySettings(), tmp_path / "other.npz", 0, 1)
    with pytest.raises(ValueError, match="by=model needs `model`"):
        ToxicitySettings(by="model")

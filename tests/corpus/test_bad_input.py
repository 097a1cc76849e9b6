"""What people have on their disks: other encodings, wrong names, archives that grow, trees that go in a circle."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import streams
from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.corpus.ingest import ingest, source_files
from arabic_llm_pipeline.corpus.oasst import _circling
from arabic_llm_pipeline.corpus.records import Reject
from arabic_llm_pipeline.corpus.rows import jsonl_rows
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import COMPRESS, read, reasons, said, settings, shards

TEXTS = ["هذا نص عربي", "وهذا آخر"]
JSONL = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in TEXTS)
FILES = {
    "jsonl": (JSONL, {"format": "jsonl", "columns": {"text": "text"}}),
    "json": (
        json.dumps([{"text": text} for text in TEXTS], ensure_ascii=False),
        {"format": "json", "columns": {"text": "text"}},
    ),
    "csv": ("text\n" + "\n".join(TEXTS), {"format": "csv", "columns": {"text": "text"}}),
    "txt": ("\r\n".join(TEXTS), {"format": "text"}),
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1256", "iso8859-6", "utf-16-le"])
@pytest.mark.parametrize("kind", FILES)
def test_other_encodings(tmp_path: Path, kind: str, encoding: str) -> None:
    text, fields = FILES[kind]
    path = tmp_path / f"x.{kind}"
    path.write_bytes(text.encode(encoding))
    told = {} if encoding in ("utf-8-sig", "utf-16", "utf-32") else {"encoding": encoding}  # a mark tells it
    found = read(path, **fields, **told)
    assert said(found) == [[one] for one in TEXTS]
    assert found["rejects"] == []


def test_a_mark_at_the_edge_of_chunks_and_halves_of_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHUNK", 3)
    path = tmp_path / "x.txt"
    path.write_bytes("\n".join(["كلمة 😀", "أخرى"]).encode("utf-16"))
    with streams.Stream(path) as stream:
        text = b"".join(iter(lambda: stream.read(streams.CHUNK), b"")).decode()
    assert text.removeprefix("\ufeff") == "كلمة 😀\nأخرى"


def test_bytes_that_are_none_of_the_encoding_cost_a_line(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"\xff\xfe" + "أول\n".encode("utf-16-le") + b"\x00\xd8" + "ثان\nثالث".encode("utf-16-le"))
    found = read(path, format="text")
    assert said(found) == [["أول"], ["ثالث"]]
    assert reasons(found) == [(2, "invalid_encoding")]


def test_an_unknown_encoding_is_refused() -> None:
    assert settings(format="text", encoding="windows-1256").encoding == "cp1256"
    with pytest.raises(ValidationError, match="there is no encoding 'arabic-windows'"):
        settings(format="text", encoding="arabic-windows")


def test_a_run_that_stops_says_that_it_may_be_the_encoding(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes("\n".join(TEXTS).encode("cp1256"))
    sources = Sources.model_validate({"old": {"format": "text", "path": "x.txt", "licence": "CC0-1.0"}})
    files = source_files(sources, FoundFiles(tmp_path, {"old": [tmp_path / "x.txt"]}))
    with pytest.raises(UserError, match=r"invalid_utf8: 2(.|\n)*sources\.old\.encoding: cp1256"):
        ingest(files, IngestSettings(), EngineSettings(processes=1), tmp_path / "work")


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_without_its_ending(tmp_path: Path, packed: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(packed(JSONL.encode()))
    assert said(read(path, **FILES["jsonl"][1])) == [[one] for one in TEXTS]


def test_a_plain_file_with_the_ending_of_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_text(JSONL, encoding="utf-8")
    assert reasons(read(path, **FILES["jsonl"][1])) == [(1, "broken_archive")]


@pytest.mark.parametrize("ending", [ending for ending in COMPRESS if ending])
def test_an_archive_that_grows_as_no_text_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setattr(streams, "BOMBS_FROM", 1 << 20)
    path = tmp_path / f"x.jsonl{ending}"
    path.write_bytes(COMPRESS[ending](JSONL.encode() + b"\n" * (1 << 24)))
    found = read(path, **FILES["jsonl"][1])
    assert said(found) == [[one] for one in TEXTS]
    assert [reason for _, reason in reasons(found)] == ["compression_bomb"]


def test_who_may_not_read_it_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x.txt").write_text("نص", encoding="utf-8")
    monkeypatch.setattr(streams, "open_binary", refuse)
    assert reasons(read(tmp_path / "x.txt", format="text")) == [(1, "no_permission")]


def flat(name: str, parent: str | None, role: str = "prompter") -> dict[str, Any]:
    return {"message_id": name, "parent_id": parent, "message_tree_id": "t", "text": name, "role": role, "lang": "ar"}


def test_trees_that_go_in_a_circle_lose_nothing(tmp_path: Path) -> None:
    rows = [
        flat("a", "b"), flat("b", "a", "assistant"), flat("under", "a"), flat("self", "self"), flat("lost", "nowhere"),
        flat("root", None), flat("answer", "root", "assistant"), flat("answer", "a", "assistant"),
    ]  # fmt: skip
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read(path, format="oasst")
    assert said(found) == [["root", "answer"]]
    assert sorted(reasons(found)) == [
        (1, "cyclic_tree"), (2, "cyclic_tree"), (3, "cyclic_tree"), (4, "cyclic_tree"), (5, "orphan_message"),
        (8, "duplicate_id"),
    ]  # fmt: skip


@given(st.lists(st.integers(0, 9), min_size=10, max_size=10))
def test_circles_against_walking_each_way(parents: list[int]) -> None:
    ways = dict(enumerate(None if parent == 9 else parent for parent in parents))
    walked = set()
    for start in ways:
        name: int | None = start
        for _ in range(len(ways)):
            name = ways.get(name) if name is not None else None
        if name is not None:
            walked.add(start)
    assert _circling(ways) == walked


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    sources = Sources.model_validate({"old": {"format": "text", "path": "texts", "licence": "CC0-1.0"}})
    with pytest.raises(UserError, match=r"texts is a folder. Name the files in it: sources\.old\.path=texts/\*"):
        source_files(sources, FoundFiles(tmp_path, {"old": [tmp_path / "texts"]}))


def test_one_bad_line_among_many(tmp_path: Path) -> None:
    path, bad = tmp_path / "x.jsonl", 77_777
    with path.open("wb") as file:
        file.writelines(b'{"t": "x"}\n' if n != bad else b'{"t": "x}\n' for n in range(1, 300_001))
    rows = list(jsonl_rows(path, 100))
    assert len(rows) == 300_000
    assert [row for row in rows if isinstance(row, Reject)] == [Reject(bad, "broken_json", '{"t": "x}')]


@pytest.mark.parametrize("kind", FILES)
def test_nul_bytes_go_with_cleaning(tmp_path: Path, kind: str) -> None:
    text, fields = FILES[kind]
    spoilt = "\\u0000" if kind.startswith("json") else "\x00"
    path = tmp_path / f"x.{kind}"
    path.write_text(text.replace("نص", f"ن{spoilt}ص"), encoding="utf-8")
    found = read(path, **fields)
    assert not found["rejects"]
    assert "\x00" in said(found)[0][0]
    frame = shards(tmp_path / "shards", "documents", *found["documents"]).scan()
    clean = Cleaning("documents", TextSettings(), FilterSettings(min_words=1))(frame, 0).collect()
    assert clean["messages"].list.first().struct.field("content").to_list() == TEXTS


DEEP = 20_000


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"format": "json", "columns": {"text": "t"}}, '[{"t": ' + "[" * DEEP + "]" * DEEP + '}, {"t": "نص"}]'),
        ({"format": "jsonl", "columns": {"text": "t"}}, '{"t": ' * DEEP + "1" + "}" * DEEP + '\n{"t": "نص"}'),
        ({"format": "jsonl", "shape": "messages"}, json.dumps({"messages": '[{"role": ' * DEEP})),
        ({"format": "jsonl", "shape": "messages"}, json.dumps({"messages": "[{" + "[" * 90_000})),
        ({"format": "jsonl", "each": "a.a", "columns": {"text": "t"}}, '{"a": {"a": 1}}\n{"a": [{"a": {}}]}'),
    ],
    ids=["array", "lines", "talk", "list", "each"],
)
def test_deep_nesting_is_a_reject(tmp_path: Path, fields: dict[str, Any], content: str) -> None:
    path = tmp_path / "x"
    path.write_text(content, encoding="utf-8")
    found = read(path, **fields)
    assert found["rejects"]
    assert {row["reason"] for row in found["rejects"]} <= {
        "wrong_type",
        "broken_json",
        "missing_column",
        "nested_too_deep",
    }
    assert said(found) == ([["نص"]] if "نص" in content else [])


def test_a_talk_of_ten_thousand_turns_in_a_tree(tmp_path: Path) -> None:
    """Flat messages make a tree that is deeper than Python calls itself: it goes, the next one stays."""
    chain = [flat("0", None)]
    chain += [flat(str(n), str(n - 1), ("prompter", "assistant")[n % 2]) for n in range(1, 10_000)]
    after = [flat("p", None) | {"message_tree_id": "u"}, flat("a", "p", "assistant") | {"message_tree_id": "u"}]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, [*chain, *after])), encoding="utf-8")
    found = read(path, format="oasst", branches="all")
    assert said(found) == [["p", "a"]]
    assert reasons(found) == [(1, "nested_too_deep")]


@pytest.mark.parametrize(
    "messages",
    [5, [1, 2], [[]], {"role": "user"}, [{"role": "user", "content": ["نص"]}], [{"role": 3, "content": "نص"}]],
)
def test_turns_of_wrong_types(tmp_path: Path, messages: Any) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"messages": messages}), encoding="utf-8")
    [(place, reason)] = reasons(read(path, format="jsonl", shape="messages"))
    assert place == 1
    assert reason in {"missing_column", "wrong_type", "wrong_role"}


def test_a_reject_with_half_a_character_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('[{"u": "\\ud83d"}, {"t": "\\ud83d"}, {"t": "نص"}]', encoding="utf-8")
    found = read(path, format="json", columns={"text": "t"})
    assert reasons(found) == [(0, "missing_column")]
    assert found["rejects"][0]["excerpt"].encode()

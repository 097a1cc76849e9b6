import random

import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import Reject
from arabic_llm_pipeline.corpus.streams import UNREADABLE, Line, Repaired, first_byte, read_lines
from tests.corpus.making import COMPRESS


@pytest.mark.parametrize("ending", COMPRESS)
def test_lines_of_every_compression(tmp_path, ending):
    path = tmp_path / f"x.txt{ending}"
    path.write_bytes(COMPRESS[ending]("سطر\n\nثان\r\n  \nآخر".encode()))
    assert list(read_lines(path, 1000)) == [Line(1, "سطر"), Line(3, "ثان"), Line(5, "آخر")]


@pytest.mark.parametrize("ending", [ending for ending in COMPRESS if ending])
def test_a_truncated_archive_keeps_what_came_before(tmp_path, ending):
    wanted = [f"{random.Random(n).getrandbits(160):x}" for n in range(40_000)]
    packed = COMPRESS[ending]("\n".join(wanted).encode())
    path = tmp_path / f"x.txt{ending}"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    *found, last = read_lines(path, 1000)
    assert len(found) > 5_000
    assert [line.text for line in found] == wanted[: len(found)]
    assert last == Reject(len(found) + 1, "broken_archive")


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst"])
def test_what_is_no_archive(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    path.write_bytes(b"this is not compressed at all")
    assert list(read_lines(path, 1000)) == [Reject(1, "broken_archive")]


def test_bytes_are_decoded_line_by_line(tmp_path):
    path = tmp_path / "x"
    path.write_bytes("\ufeffأول\n".encode() + b"\xd8\n" + "ثالث\x00\n".encode() + "كلام".encode("cp1256"))
    found = list(read_lines(path, 1000))
    assert found[0] == Line(1, "أول")
    assert found[2] == Line(3, "ثالث\x00")
    assert [(r.place, r.reason) for r in (found[1], found[3])] == [(2, "invalid_utf8"), (4, "invalid_utf8")]


def test_a_long_line_is_not_held_in_memory(tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.write("قبل\n".encode())
        for _ in range(64):
            file.write(b"x" * (1 << 20))
        file.write("\nبعد\n".encode())
    import tracemalloc

    tracemalloc.start()
    found = list(read_lines(path, 1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == Line(1, "قبل")
    assert (found[1].place, found[1].reason, len(found[1].excerpt)) == (2, "line_too_long", 200)
    assert found[2] == Line(3, "بعد")
    assert peak < 8 << 20


def test_a_line_that_is_exactly_long_enough(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345\n123456\n")
    assert [type(one) for one in read_lines(path, 5)] == [Line, Reject]


def test_empty_and_missing_files(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    assert list(read_lines(tmp_path / "x", 10)) == [Reject(1, "empty_file")]
    assert first_byte(tmp_path / "x") == b""
    with pytest.raises(UserError, match="nowhere"):
        list(read_lines(tmp_path / "nowhere", 10))


def test_repair_replaces_only_what_is_no_utf8(tmp_path):
    path = tmp_path / "x"
    path.write_bytes("ألف".encode() * 1000 + b"\xff" + "باء".encode())
    with Repaired(path) as stream:
        text = b"".join(iter(lambda: stream.read(7), b"")).decode()
    assert text == "ألف" * 1000 + UNREADABLE + "باء"

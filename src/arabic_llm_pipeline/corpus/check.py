"""A look at the sources before a run: what is there, how large, and how its first records will look."""

from collections import Counter
from itertools import islice
from typing import Any

from arabic_llm_pipeline.corpus.records import RECORDS
from arabic_llm_pipeline.corpus.sources import FoundFiles, SourceFile, known_as, read_file
from arabic_llm_pipeline.parameters.sources import Sources, SourceSettings

SHOWN_RECORDS, SHOWN_REJECTS = 2, 2  # of each source
SHOWN_CHARACTERS = 160


def check(sources: Sources, found: FoundFiles, records: int | None, max_bytes: int) -> list[dict[str, Any]]:
    """Read the beginning of every file, or all of it.

    Args:
        sources: all of them.
        found: their files.
        records: of each file; None: all, one at a time.
        max_bytes: longer records are rejected.

    Returns:
        Of each source: name, format, licence, files and bytes, records read by table, rejects by reason, whether that
        was all of it, and the first records and rejects as people read them.
    """
    return [_look(name, source, found, records, max_bytes) for name, source in sources.chosen().items()]


def _look(name: str, source: SourceSettings, found: FoundFiles, records: int | None, max_bytes: int) -> dict[str, Any]:
    paths = found.files.get(name, [])
    counts, reasons = Counter[str](), Counter[str]()
    shown: list[str] = []
    whole = True
    for path in paths:
        rows = read_file(SourceFile(name, source, path, known_as(path, found.root), True), max_bytes)
        for table, row in islice(rows, records):
            counts[table] += table in RECORDS
            if table not in RECORDS:
                reasons[row["reason"]] += 1
            if (counts[table] or reasons[row["reason"]]) <= (SHOWN_RECORDS if table in RECORDS else SHOWN_REJECTS):
                shown.append(_told(table, row))
        whole &= next(rows, None) is None
    return {
        "source": name,
        "format": source.format,
        "licence": source.licence,
        "files": len(paths),
        "bytes": sum(path.stat().st_size for path in paths),
        "records": dict(sorted((table, n) for table, n in counts.items() if n)),
        "rejects": dict(reasons.most_common()),
        "whole": whole,
        "shown": shown,
    }


def _told(table: str, row: dict[str, Any]) -> str:
    """A record by its turns, a reject by its reason and place."""
    if table == "rejects":
        return f"rejected, {row['reason']}: {row['file']}:{row['place']} {_short(row['excerpt'])}"
    turns = row["messages" if table == "documents" else "prompt"]
    parts = [f"{turn['role']}: {_short(turn['content'])}" for turn in turns]
    if table == "feedback":
        parts.append(f"{'good' if row['label'] else 'bad'}: {_short(row['completion'])}")
    parts += [f"{name}: {_short(str(row[name]))}" for name in ("chosen", "rejected", "answers") if row.get(name)]
    return " | ".join(parts)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "\N{HORIZONTAL ELLIPSIS}"


def lines(found: list[dict[str, Any]]) -> list[str]:
    """What was found, for the screen: a line for each source and its first records below."""
    told = []
    for source in found:
        size = f"{source['files']} file{'s' * (source['files'] != 1)}, {source['bytes'] / 1e6:.1f} MB"
        read = [f"{n} {table}" for table, n in source["records"].items()]
        read += [f"{n} rejected ({reason})" for reason, n in source["rejects"].items()]
        seen = f"{'all' if source['whole'] else 'first'}: {', '.join(read) or 'nothing'}"
        told.append(f"{source['source']} ({source['format']}, {source['licence']}): {size}; {seen}")
        told += [f"    {one}" for one in source["shown"]]
    return told

"""Wikipedia: a MediaWiki XML export, streamed page by page, or rows of id, url, title, text."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote
from xml.parsers import expat

from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.corpus.articles import article
from arabic_llm_pipeline.corpus.mapping import converted, document_row
from arabic_llm_pipeline.corpus.records import EXCERPT, Record, RefusedError, Reject, message
from arabic_llm_pipeline.corpus.rows import Row, jsonl_rows, parquet_rows
from arabic_llm_pipeline.corpus.streams import UNREADABLE, BrokenFileError, Repaired
from arabic_llm_pipeline.parameters.sources import SourceSettings

COLUMNS = {"id": "id", "url": "url", "title": "title", "text": "text"}
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # characters that XML 1.0 has no way to write
REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
LONGEST_REFERENCE = 10
TAKEN = {"title", "ns", "id", "text"}  # elements of a page whose content is wanted
REDIRECT = re.compile(
    r"^\s*#\s*(?:redirect|\u062a\u062d\u0648\u064a\u0644)\b", re.IGNORECASE
)  # the word for redirection


@cache
def names() -> dict[str, list[str]]:
    """What files, categories, closing sections and disambiguation pages are called in the Arabic Wikipedias."""
    text = (files("arabic_llm_pipeline.corpus") / "wikipedia_names.tsv").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in text.splitlines()[1:]:
        kind, name = line.split("\t")
        found.setdefault(kind, []).append(name)
    return found


def read_rows(path: File, source: SourceSettings, max_bytes: int) -> Iterator[Record | Reject]:
    """The articles of a parquet or JSON lines file with the columns id, url, title, text."""
    parquet = path.suffix == ".parquet"
    rows = parquet_rows(path, max_bytes, set(COLUMNS)) if parquet else jsonl_rows(path, max_bytes)
    mapped = source.model_copy(update={"columns": COLUMNS})

    def make(row: Row) -> Iterator[Record]:
        yield Record("documents", document_row(row.value, mapped) | {"lang": "ar"})

    return converted(rows, make, source.languages)


def read_dump(path: File, source: SourceSettings, max_bytes: int) -> Iterator[Record | Reject]:
    """The articles of a MediaWiki export; what is no article is left out with its reason."""
    return converted(pages(path, max_bytes), lambda row: [_article(row.value, source)], source.languages)


def _article(page: dict[str, str], source: SourceSettings) -> Record:
    from arabic_llm_pipeline.corpus.wikitext import plain

    if page.get("ns", "0").strip() != "0":
        raise RefusedError("other_namespace")
    if "redirect" in page or REDIRECT.match(page.get("text", "")):
        raise RefusedError("redirect")
    if _disambiguates(page):
        raise RefusedError("disambiguation")
    text = plain(page.get("text", ""))
    if not text:
        raise RefusedError("empty_text")
    title = page.get("title", "").strip()
    url = f"{page['site']}/wiki/{quote(title.replace(' ', '_'))}" if "site" in page else None
    row = {"id": page.get("id"), "kind": "prose", "messages": [message("document", text)], "title": title, "url": url}
    return Record("documents", article(row | {"lang": "ar"}, source.articles))


def _disambiguates(page: dict[str, str]) -> bool:
    words = names()["disambiguation"]
    in_title = any(page.get("title", "").rstrip().endswith(f"({word})") for word in words)
    return in_title or any(
        re.search(rf"{{{{\s*{re.escape(word)}\s*[|}}]", page.get("text", ""), re.IGNORECASE) for word in words
    )


class _Mended(Repaired):
    """XML without the characters that would make a parser give up."""

    def __init__(self, path: File):
        super().__init__(path)
        self._held = ""

    def mend(self, text: str, final: bool) -> str:
        text, self._held = self._held + text, ""
        cut = text.rfind("&", -LONGEST_REFERENCE) if not final else -1
        if cut >= 0:  # a reference may go on in the next piece
            text, self._held = text[:cut], text[cut:]
        return NO_XML.sub("", REFERENCE.sub(_allowed, text))


def _allowed(reference: re.Match[str]) -> str:
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    surrogate = 0xD800 <= code <= 0xDFFF
    return "" if code > 0x10FFFF or surrogate or NO_XML.match(chr(code)) else reference[0]


def pages(path: File, max_bytes: int) -> Iterator[Row | Reject]:
    """The pages of an export as dictionaries of title, ns, id, text, and redirect and site where they are given.

    Entities that a file declares for itself are refused, so that none can grow; broken XML ends it with one reject.
    """
    for place, found in enumerate(_parsed(path)):
        if isinstance(found, dict):
            yield _sound(Row(place, found), max_bytes)
        else:
            yield Reject(place, *found)


def _parsed(path: File) -> Iterator[dict[str, str] | tuple[str, str]]:
    """The pages up to the end, or up to the damage and then its reason and message."""
    parser = _Pages()
    try:
        with _Mended(path) as stream:
            while chunk := stream.read():
                parser.feed(chunk)
                yield from parser.take()
            parser.feed(b"", final=True)
            return
    except BrokenFileError as error:
        damage = str(error), ""
    except expat.ExpatError as error:
        damage = "broken_xml" if parser.begun else "empty_file", str(error)
    yield from parser.take()
    yield damage


def _sound(row: Row, max_bytes: int) -> Row | Reject:
    title, text = row.value.get("title", ""), row.value.get("text", "")
    if UNREADABLE in title or UNREADABLE in text:
        return Reject(row.place, "invalid_utf8", title.replace(UNREADABLE, "\ufffd")[:EXCERPT])
    if len(text) > max_bytes:
        return Reject(row.place, "record_too_long", title[:EXCERPT])
    return row


class _Pages:
    """Collects the wanted elements of each page from the events of expat, which keeps no tree."""

    def __init__(self) -> None:
        self.begun = False
        self._parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = _refuse
        self._ready: list[dict[str, str]] = []
        self._page: dict[str, str] | None = None
        self._path: list[str] = []
        self._text: list[str] | None = None
        self._site: dict[str, str] = {}

    def feed(self, data: bytes, final: bool = False) -> None:
        self._parser.Parse(data, final)

    def take(self) -> list[dict[str, str]]:
        ready, self._ready = self._ready, []
        return ready

    def _start(self, tag: str, attributes: dict[str, Any]) -> None:
        self.begun = True
        name = tag.rpartition(" ")[2]
        self._path.append(name)
        if name == "page":
            self._page = {}
        elif self._page is not None and name == "redirect":
            self._page["redirect"] = str(attributes.get("title", ""))
        elif name == "base" or (self._page is not None and name in TAKEN and name not in self._page):
            self._text = []  # the first `id` of a page is its own, later ones are its revision's and contributor's

    def _end(self, _tag: str) -> None:
        name = self._path.pop()
        if name == "page" and self._page is not None:
            self._ready.append(self._page | self._site)
            self._page = None
        elif self._text is not None:
            text, self._text = "".join(self._text), None
            if name == "base":
                self._site = {"site": text.partition("/wiki/")[0]}
            elif self._page is not None:
                self._page[name] = text

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)


def _refuse(*_: Any) -> None:
    raise BrokenFileError("entity_declaration")

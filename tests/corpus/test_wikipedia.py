import bz2

import pyarrow as pa
import pyarrow.parquet as pq

from tests.corpus.making import lines, read, reasons, said

HEAD = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="ar"><siteinfo>'
    "<sitename>ويكيبيديا</sitename><base>https://ar.wikipedia.org/wiki/الصفحة</base>"
    '<namespaces><namespace key="0" case="first-letter" /></namespaces></siteinfo>\n'
)


def page(title, text, ns=0, number=1, extra=""):
    return (
        f"<page><title>{title}</title><ns>{ns}</ns><id>{number}</id>{extra}<revision><id>99</id><timestamp>2024</timestamp>"
        f"<contributor><username>س</username><id>5</id></contributor><model>wikitext</model>"
        f'<text bytes="1" sha1="x">{text}</text><sha1>x</sha1></revision></page>\n'
    )


PAGES = [
    page("واحة الزهور", "'''الواحة''' [[مدينة]] &amp; قرية.", number=7),
    page("نقاش:واحة", "رأي", ns=1),
    page("واحة", "#تحويل [[واحة الزهور]]", extra='<redirect title="واحة الزهور" />'),
    page("واحات", "#REDIRECT [[واحة الزهور]]"),
    page("واحة (توضيح)", "قد يقصد"),
    page("زهور", "قد يقصد {{توضيح}}"),
    page("فارغ", "{{بذرة}}"),
    page("آخر", "نص آخر"),
]


def write(tmp_path, text, ending=""):
    path = tmp_path / f"x.xml{ending}"
    path.write_bytes(bz2.compress(text) if ending else text)
    return path


def test_pages(tmp_path):
    path = write(tmp_path, (HEAD + "".join(PAGES) + "</mediawiki>").encode(), ".bz2")
    found = read(path, format="mediawiki")
    assert said(found) == [["الواحة مدينة & قرية."], ["نص آخر"]]
    first = found["documents"][0]
    assert (first["id"], first["title"], first["lang"]) == ("s/7", "واحة الزهور", "ar")
    assert first["url"].startswith("https://ar.wikipedia.org/wiki/%D9%88")
    assert reasons(found) == [
        (1, "other_namespace"), (2, "redirect"), (3, "redirect"), (4, "disambiguation"),
        (5, "disambiguation"), (6, "empty_text"),
    ]  # fmt: skip


def test_control_characters_do_not_abort(tmp_path):
    text = page("أ\x1a", "نص\x00\x0b &#26;&#x1F;&#x10FFFE;&#65; \ufffe آخر").encode() + page("ب", "جيد").encode()
    found = read(write(tmp_path, HEAD.encode() + text + b"</mediawiki>"), format="mediawiki")
    assert [row["title"] for row in found["documents"]] == ["أ", "ب"]
    assert said(found)[0][0].split() == ["نص", "\U0010fffeA", "آخر"]


def test_bad_bytes_cost_one_page(tmp_path):
    text = (
        page("أ", "قبل").encode()
        + page("ب", "س").encode().replace("س".encode(), b"\xd8\xff")
        + page("ج", "بعد").encode()
    )
    found = read(write(tmp_path, HEAD.encode() + text + b"</mediawiki>"), format="mediawiki")
    assert [row["title"] for row in found["documents"]] == ["أ", "ج"]
    assert reasons(found) == [(1, "invalid_utf8")]


def test_references_over_the_edge_of_a_chunk(tmp_path, monkeypatch):
    from arabic_llm_pipeline.corpus import streams

    monkeypatch.setattr(streams.Repaired.read, "__defaults__", (13,))
    monkeypatch.setattr(streams.Stream.read, "__defaults__", (13,))
    text = "".join(page(f"ص{n}", "س" * n + "&#26;&amp;&#1605;") for n in range(12))
    found = read(write(tmp_path, (HEAD + text + "</mediawiki>").encode()), format="mediawiki")
    assert said(found) == [["س" * n + "&م"] for n in range(12)]


def test_entities_are_refused(tmp_path):
    bomb = "<!DOCTYPE m [" + '<!ENTITY a0 "ضحك">'
    bomb += "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)) + "]>"
    found = read(write(tmp_path, (bomb + HEAD + page("أ", "&a11;") + "</mediawiki>").encode()), format="mediawiki")
    assert reasons(found) == [(0, "entity_declaration")]


def test_an_outer_file_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("سر", encoding="utf-8")
    head = f'<!DOCTYPE m [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    found = read(write(tmp_path, (head + HEAD + page("أ", "&x;")).encode()), format="mediawiki")
    assert reasons(found) == [(0, "entity_declaration")]


def test_broken_xml_keeps_the_pages_before(tmp_path):
    whole = (HEAD + "".join(PAGES[:1])).encode()
    assert reasons(read(write(tmp_path, whole + b"<page><title>x</page>"), format="mediawiki")) == [(1, "broken_xml")]
    found = read(write(tmp_path, whole + PAGES[7].encode()[:50]), format="mediawiki")
    assert (len(found["documents"]), reasons(found)) == (1, [(1, "broken_xml")])
    assert reasons(read(write(tmp_path, b""), format="mediawiki")) == [(0, "empty_file")]


def test_truncated_bz2(tmp_path):
    packed = bz2.compress((HEAD + "".join(page(f"ص{n}", f"{n * n:x} نص " * (n % 37)) for n in range(6_000))).encode())
    path = tmp_path / "x.xml.bz2"
    path.write_bytes(packed[: len(packed) * 2 // 3])
    found = read(path, format="mediawiki")
    assert len(found["documents"]) > 1000
    assert said(found)[100] == [("2971 نص " * 29).strip()]  # page 103: every 37th is empty
    assert found["rejects"][-1]["reason"] == "broken_archive"


def test_dumps_of_many_streams(tmp_path):
    """Wikimedia's `multistream` files: the head, each hundred pages and the end, packed by themselves and joined."""
    pages = [page(f"ص{n}", f"نص رقم {n}") for n in range(30)]
    parts = [HEAD, "".join(pages[:10]), "".join(pages[10:]), "</mediawiki>"]
    path = tmp_path / "arwiki-pages-articles-multistream.xml.bz2"
    path.write_bytes(b"".join(bz2.compress(part.encode()) for part in parts))
    found = read(path, format="mediawiki")
    assert said(found) == [[f"نص رقم {n}"] for n in range(30)]
    assert not found["rejects"]


def test_rows(tmp_path):
    rows = [{"id": "7", "url": "u", "title": "ع", "text": "نص"}, {"id": "8", "url": "u", "title": "ع", "text": ""}]
    (tmp_path / "x.jsonl").write_bytes(lines(*rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    one, other = (read(tmp_path / name, format="wikipedia") for name in ("x.jsonl", "x.parquet"))
    assert one["documents"] == other["documents"]
    assert (one["documents"][0]["id"], one["documents"][0]["url"], said(one)) == ("s/7", "u", [["نص"]])
    assert reasons(one) == [(2, "empty_text")]

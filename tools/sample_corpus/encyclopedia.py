"""The encyclopedia prose as Wikipedia has it: a MediaWiki XML export, and a table of id, url, title, text."""

import hashlib
import re
import string
from collections.abc import Iterator
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pyarrow.parquet as pq
from prose import Piece, plain
from words import rows

SITE = "https://ar.wiki.example.org/wiki/"
TEMPLATES = Path(__file__).parent / "templates"
FIRST_PAGE = 4001
CHANGED = "2024-03-{day:02d}T{hour:02d}:{minute:02d}:00Z"
AUTHORS = ["Sample writer", "كاتب العينة", "192.0.2.17"]


def export(articles: list[Piece], rng: Random) -> bytes:
    """An export in version 0.11: the articles, and among them the pages that are none (tables/pages.tsv)."""
    titles = [piece.title for piece in articles]
    pages = [(0, piece.title, wikitext(piece, titles, rng)) for piece in articles]
    for space, title, text in rows("pages"):
        pages.insert(rng.randrange(len(pages)), (int(space), title, text))
    written = "".join(_page(number, *page, rng) for number, page in enumerate(pages, start=FIRST_PAGE))
    return _template("export").format(site=SITE, pages=written).encode()


def table(pieces: list[Piece], path: Path) -> None:
    """The documents as a parquet file with the columns of the public Wikipedia tables, all of them text."""
    columns = {
        "id": [str(FIRST_PAGE * 2 + number) for number, _ in enumerate(pieces)],
        "url": [SITE + piece.title.replace(" ", "_") for piece in pieces],
        "title": [piece.title for piece in pieces],
        "text": [plain(piece.text) for piece in pieces],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def wikitext(piece: Piece, titles: list[str], rng: Random) -> str:
    """An article with everything that a reader of the article does not read as its text."""
    text = re.sub(r"^## (.+)$", r"== \1 ==", piece.text, flags=re.MULTILINE)
    for other in titles:
        if other != piece.title:
            text = re.sub(rf"(?<!\w){re.escape(other)}(?!\w)", f"[[{other}]]", text, count=1)
    text = re.sub(rf"^{re.escape(piece.title)}(?!\w)", f"'''{piece.title}'''", text)
    paragraphs = text.split("\n\n")
    paragraphs = [_decorated(paragraph, rng) for paragraph in paragraphs]
    paragraphs.insert(1, rng.choice(list(_insets(piece.title, rng))))
    return _infobox(piece.title, rng) + "\n" + "\n\n".join(paragraphs) + _closing(piece, rng)


def _decorated(paragraph: str, rng: Random) -> str:
    """References after some full stops, a comment, a link to a word that has another name."""
    year, page = rng.randrange(1960, 2020), rng.randrange(5, 400)
    source = f"{{{{استشهاد بكتاب|العنوان=مرجع العينة|السنة={year}|الصفحة={page}}}}}"
    notes = [f"<ref>{source}</ref>", f'<ref name="ع{page}">{source}</ref>', f'<ref name="ع{page}" />', ""]
    if paragraph.endswith("."):
        paragraph += rng.choice(notes)
    if rng.random() < 0.2:
        paragraph += "<!-- تُراجع هذه الفقرة -->"
    return re.sub(r"(?<=\s)(الماء|الأرض|الهواء|البحر)(?!\w)", r"[[\1 (عنصر)|\1]]", paragraph, count=1)


def _insets(title: str, rng: Random) -> Iterator[str]:
    """What stands between paragraphs: a picture, a table, a gallery, a template that says something is missing."""
    yield f"[[ملف:{title}.jpg|تصغير|يسار|صورة قديمة تُظهر [[{title}]] من قرب]]"
    cells = "\n".join(f"|-\n| {year} || {rng.randrange(10, 900)}" for year in range(1990, 2020, 10))
    yield f'{{| class="wikitable"\n|+ أعداد مسجلة\n! السنة !! العدد\n{cells}\n|}}'
    yield f"<gallery>\nملف:{title} 1.jpg|من الأمام\nملف:{title} 2.jpg|من الخلف\n</gallery>"
    yield "{{مصدر|تاريخ=مارس 2024}}"


def _infobox(title: str, rng: Random) -> str:
    return (
        f"{{{{معلومات عامة\n| الاسم = {title}\n| صورة = {title}.jpg\n| تعليق = {{{{صغير|صورة توضيحية}}}}\n"
        f"| سنة = {rng.randrange(1800, 2000)}\n| موقع = {{{{رابط|https://www.example.org/{rng.randrange(999)}}}}}\n}}}}"
    )


def _closing(piece: Piece, rng: Random) -> str:
    linked = f"* [https://www.example.org/{rng.randrange(999)} صفحة عن الموضوع]\n\n{{{{شريط بوابات|علوم}}}}"
    filed = f"[[تصنيف:{piece.title}]]\n[[تصنيف:مقالات العينة]]\n[[en:Sample {rng.randrange(99)}]]"
    return f"\n\n== مراجع ==\n{{{{مراجع|2}}}}\n\n== وصلات خارجية ==\n{linked}\n{filed}"


def _page(number: int, space: int, title: str, text: str, rng: Random) -> str:
    moved = re.match(r"#تحويل \[\[(.+)\]\]", text)
    author = rng.choice(AUTHORS)
    by = f"<ip>{author}</ip>" if author[0].isdigit() else f"<username>{author}</username>\n        <id>7</id>"
    return _template("page").format(
        title=escape(title),
        space=space,
        id=number,
        redirect=f"    <redirect title={quoteattr(moved[1])} />\n" if moved else "",
        revision=number * 7,
        parent=number * 7 - 3,
        when=CHANGED.format(day=rng.randrange(1, 29), hour=rng.randrange(24), minute=rng.randrange(60)),
        contributor=by,
        bytes=len(text.encode()),
        sha1=_base36(int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest(), "big")),
        text=escape(text),
    )


def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.xml").read_text(encoding="utf-8")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = (string.digits + string.ascii_lowercase)[digit] + digits
    return digits.rjust(31, "0")

"""The rules by pattern: what HTML, wiki text and Markdown leave in a text, addresses of pages and of people.

The patterns are in the syntax of polars (Rust), which runs in linear time whatever the text. Each group names the
characters without which none of its patterns can match, so that most texts are never searched.
"""

import html
import re
from dataclasses import dataclass
from html.entities import html5

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.alphabet import COMMA, QUESTION_MARK, SEMICOLON

BLOCK_TAGS = (
    "address|article|aside|blockquote|br|center|dd|div|dl|doc|dt|figure|footer|form|h[1-6]|header|hr|li|main"
    "|nav|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul"
)
INLINE_TAGS = (
    "a|abbr|b|bdi|bdo|big|body|button|caption|cite|code|del|dfn|em|figcaption|font|gallery|head|html|i"
    "|iframe|img|input|ins|kbd|label|link|mark|math|meta|noinclude|nowiki|option|q|s|samp|select|small"
    "|span|strike|strong|sub|sup|svg|time|title|tt|u|var|video|wbr"
)
ATTRIBUTES = r"(?:\s[^<>]*)?/?>"

FILE_NAMESPACES = (
    "file",
    "image",
    "category",
    "media",
    "\u0645\u0644\u0641",  # malaf: file
    "\u0635\u0648\u0631\u0629",  # sura: image
    "\u062a\u0635\u0646\u064a\u0641",  # tasnif: category
    "\u0648\u0633\u064a\u0637",  # wasit: media
)
_STOP = (
    rf"\s<>\x22\u{{ab}}\u{{bb}}{COMMA}{SEMICOLON}{QUESTION_MARK}(){{}}\[\]|\\^`\u{{fffc}}"  # the last: see protect.py
)
_BRACKETED = rf"\([^{_STOP}]*\)"
_URL = rf"(?i)(?:https?://|ftp://|\bwww\.)(?:[^{_STOP}]|{_BRACKETED})*(?:[^{_STOP}.,:;!?*_'\u{{2026}}]|{_BRACKETED})"
_EMAIL = r"(?:mailto:)?[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
ADDRESS = f"{_URL}|{_EMAIL}"
# A line of five Latin words or more, without an Arabic letter: bibliographies, captions, what was not translated.
FOREIGN_LINE = r"(?m)^[^\p{Arabic}\n]*(?:\b\p{Latin}{2,}\b[^\p{Arabic}\n]*){5,}$\n*"
FEW = 20_000  # bytes of text that are looked through in Python, because a pattern takes longer to compile
COMMON_ENTITIES = {"&quot;": '"', "&nbsp;": "\u00a0", "&lt;": "<", "&gt;": ">", "&amp;": "&"}  # decoded without Python
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


@dataclass(frozen=True)
class Group:
    """Patterns with their replacements, in order.

    Attributes:
        hints: words one of which every match contains, in whatever case: the table of code points reports texts that
            have one, and no others are searched.
        patterns: each with its replacement.
        triggers: characters one of which every match contains, where there are too many hints to look for them.
        entities: whether the group is `decode_entities` instead of patterns.
    """

    hints: tuple[str, ...]
    patterns: tuple[tuple[str, str], ...]
    triggers: str = ""
    entities: bool = False

    def apply(self, texts: pl.Series) -> pl.Series:
        """Replace all matches of every pattern, one pattern after the other."""
        rows = self._hinted(texts)
        if len(rows) == 0:
            return texts
        hinted = texts.gather(rows)
        for pattern, replacement in self.patterns:
            if hinted.str.contains(pattern).any():
                hinted = hinted.str.replace_all(pattern, replacement)
        return replaced(texts, rows, decode_entities(hinted) if self.entities else hinted)

    def _hinted(self, texts: pl.Series) -> np.ndarray:
        if (texts.str.len_bytes().sum() or 0) > FEW:
            return np.flatnonzero(texts.str.contains("(?i)" + "|".join(map(re.escape, self.hints))).fill_null(False))
        lower = [(text or "").lower() for text in texts.to_list()]
        return np.array([row for row, text in enumerate(lower) if any(hint in text for hint in self.hints)], np.int64)


HTML = Group(
    ("<",),
    (
        (r"(?s)<!--.*?-->", ""),
        (r"(?is)<(?:script|style)\b[^<>]*>.*?</(?:script|style)\s*>", ""),
        (r"(?is)<ref\b[^<>]*/>|<ref\b[^<>]*>.*?</ref\s*>", ""),
        (rf"(?i)</?(?:{BLOCK_TAGS}){ATTRIBUTES}", "\n"),
        (rf"(?i)</?(?:{INLINE_TAGS}|script|style|ref){ATTRIBUTES}", ""),
    ),
)
ENTITIES = Group(("&",), (), entities=True)
WIKI = Group(
    ("[[", "{{", "[http", "[//", "''", "=="),
    (
        (r"\{\{[^{}]*\}\}", ""),
        (rf"(?i)\[\[\s*(?:{'|'.join(FILE_NAMESPACES)})\s*:[^\[\]]*\]\]", ""),
        (r"\[\[(?:[^\[\]|]*\|)*([^\[\]|]*)\]\]", "${1}"),
        (r"\[(?:https?:)?//[^\s\[\]]+(?:[ \t]+([^\[\]]*))?\]", "${1}"),
        (r"'{2,}", ""),
        (r"(?m)^[ \t]*={2,6}[ \t]*([^=\n]*[^=\s])[ \t]*={2,6}[ \t]*$", "${1}"),
    ),
)
MARKDOWN = Group(
    ("](", "**", "#", "___"),
    (
        (r'!\[[^\[\]]*\]\([^()\s]*(?:\s+"[^"\n]*")?\)', ""),
        (r'\[([^\[\]]+)\]\((?:[a-z]+:|www\.|[/#.])[^()\s]*(?:\s+"[^"\n]*")?\)', "${1}"),
        (r"\*\*([^\s*](?:[^*\n]*[^\s*])?)\*\*", "${1}"),
        (r"(?m)^[ \t]*#{1,6}[ \t]+", ""),
        (r"(?m)^[ \t]*\*{3,}[ \t]*$", ""),
        (r"(?m)^[ \t]*_{3,}[ \t]*$", ""),
    ),
)
URLS = Group(("://", "www"), ((_URL, ""),))
EMAILS = Group(("@",), ((_EMAIL, ""),))


def replaced(texts: pl.Series, rows: np.ndarray, values: pl.Series) -> pl.Series:
    """A copy with other values in some rows (polars' scatter writes into the series itself)."""
    return texts.clone().scatter(rows, values)


def decode_entities(texts: pl.Series) -> pl.Series:
    """Character references of HTML to their characters; only those that end with a semicolon, and only known names.

    Text from the web is often escaped twice or more: decoded until nothing is left (it gets shorter each time).
    """
    for name, char in COMMON_ENTITIES.items():
        texts = texts.str.replace_all(name, char, literal=True)
    rows = np.flatnonzero(texts.str.contains(_ENTITY.pattern).fill_null(False))
    decoded = pl.Series([_decode(text) for text in texts.gather(rows)], dtype=pl.String)
    return replaced(texts, rows, decoded) if len(rows) else texts


def _decode(text: str) -> str:
    while (decoded := _ENTITY.sub(_character, text)) != text:
        text = decoded
    return text


def _character(match: re.Match[str]) -> str:
    name = match[0][1:]
    return html.unescape(match[0]) if name.startswith("#") else html5.get(name, match[0])

"""Personal data in a text: where it stands, how often, and a word in brackets in its place.

Page and mail addresses are found by the patterns of `markup`, the others by a pattern and a rule that confirms it:

- iban: ISO 13616: length by country (general knowledge, not compared with SWIFT's registry), letters as numbers, modulo
  97 is 1.
- national_id: Saudi Arabia: 10 digits, the first 1 or 2, Luhn. Emirates: 15 digits from 784, Luhn (as in Microsoft
  Purview's definition of the number). Kuwait: 12 digits with a date of birth, weights 2 1 6 3 7 9 10 5 8 4 2, and 11
  less the sum modulo 11 (as in python-stdnum, kw.cid). Egypt: 14 digits: century, date of birth, governorate;
  the rule of its check digit is not published, so none is asked for. Of other countries we know no checksum.
- phone: numbers of the plans in data/phone_plans.tsv that begin with + or 00, or a mobile number as it is dialled in
  its country; others only behind a word such as "telephone".
- ip: four numbers up to 255, one of them 10 or more (numbered headings have none); of version 6 what has three groups
  or more. Not what follows a word such as "version".

Digits may be Western, Arabic-Indic or Persian. Only texts in which a fast pattern finds a candidate are gone through in
Python.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial

import polars as pl

from arabic_llm_pipeline.arabic import alphabet, lexicon, markup
from arabic_llm_pipeline.arabic.columns import elementwise

KINDS = ("url", "email", "iban", "national_id", "phone", "ip")  # in the order in which they are looked for
Span = tuple[int, int]
DIGIT = f"[0-9{alphabet.ARABIC_INDIC_DIGITS}{alphabet.EXTENDED_DIGITS}]"
GAP = "[ \u00a0.()-]{0,2}"  # what people put between the digits of a number
ALONE, ENDS = r"(?<![0-9A-Za-z_.,/+-])", r"(?![0-9A-Za-z_]|[.,/-][0-9])"
MANY = 10
NEAR = 20  # characters before a number in which a word says what it is
IBAN_LENGTHS = {
    "AE": 23, "BH": 22, "DJ": 27, "DZ": 26, "EG": 29, "IQ": 23, "JO": 30, "KM": 27, "KW": 30, "LB": 28, "LY": 25,
    "MA": 28, "MR": 27, "OM": 23, "PS": 29, "QA": 29, "SA": 24, "SD": 18, "SO": 23, "TN": 24, "YE": 30,
}  # fmt: skip
IBAN_SHORTEST, IBAN_LONGEST = 15, 34
GOVERNORATES = frozenset([*range(1, 5), *range(11, 20), *range(21, 30), *range(31, 36), 88])
KUWAIT_WEIGHTS = (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CENTURIES = {"1": 1800, "2": 1900, "3": 2000}
_WESTERN = str.maketrans(alphabet.ARABIC_INDIC_DIGITS + alphabet.EXTENDED_DIGITS, 2 * alphabet.WESTERN_DIGITS)
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[ \u00a0-]?[0-9A-Z]){11,30}(?![0-9A-Za-z])", re.I)
_ID = re.compile(rf"{ALONE}(?:784([ -]?)[0-9]{{4}}\1[0-9]{{7}}\1[0-9]|[0-9]{{14}}|[0-9]{{12}}|[0-9]{{10}}){ENDS}")
# Two telephone numbers may have a slash between them; one behind a letter is part of an address.
STARTS, STOPS = r"(?<![0-9A-Za-z_.,+-])(?<![A-Za-z.]/)", r"(?![0-9A-Za-z_]|[.,-][0-9])"
_YEARS = re.compile(r"(?:1[0-9]|20)[0-9]{2} ?[-\u2013] ?(?:1[0-9]|20)[0-9]{2}")
_GROUP = re.compile("[0-9]{3}")
COMMAS = alphabet.COMMA + alphabet.SEMICOLON  # a number behind one is of another clause
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IP4 = re.compile(rf"(?<![0-9A-Za-z.]){_BYTE}(?:\.{_BYTE}){{3}}(?!\.?[0-9A-Za-z])")
_IP6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{6,39}(?![0-9A-Za-z:])")


@dataclass(frozen=True)
class Finder:
    """How one kind is found.

    Attributes:
        hint: a pattern in polars' syntax that every text with a find has.
        find: the places in one text, in order; its digits are Western.
    """

    hint: str
    find: Callable[[str], Iterator[Span]]


def spans(text: str, kind: str) -> list[Span]:
    """Where personal data of a kind stands: (begin, end) in characters."""
    return list(_finders()[kind].find(text.translate(_WESTERN)))


def count_expr(expr: pl.Expr, kind: str) -> pl.Expr:
    """How often a text has personal data of a kind (Int32)."""
    return elementwise(expr, partial(count, kind=kind), pl.Int32)


def mask_expr(expr: pl.Expr, *kinds: str) -> pl.Expr:
    """A column with a word in brackets in the place of personal data of some kinds, each in its turn (`KINDS`)."""
    return elementwise(expr, partial(mask_all, kinds=kinds), pl.String)


def count(texts: pl.Series, kind: str) -> pl.Series:
    """How often each text has personal data of a kind; null where the text is."""
    if kind in _patterns():
        return texts.str.count_matches(_patterns()[kind]).cast(pl.Int32)
    rows = texts.str.contains(_finders()[kind].hint).fill_null(False).arg_true()
    zeros = texts.str.len_bytes().cast(pl.Int32) * 0
    if len(rows) == 0:
        return zeros
    return zeros.scatter(rows, [len(spans(text, kind)) for text in texts.gather(rows)])


def mask(texts: pl.Series, kind: str) -> pl.Series:
    """A column with a word in brackets in the place of personal data of a kind."""
    word = masks()[kind]
    if kind in _patterns():
        return texts.str.replace_all(_patterns()[kind], word.replace("$", "$$"))
    rows = texts.str.contains(_finders()[kind].hint).fill_null(False).arg_true()
    if len(rows) == 0:
        return texts
    masked = pl.Series([_masked(text, kind, word) for text in texts.gather(rows)], dtype=pl.String)
    return markup.replaced(texts, rows.to_numpy(), masked)


def mask_all(texts: pl.Series, kinds: Sequence[str]) -> pl.Series:
    """A column with a word in brackets in the place of personal data of some kinds, each in its turn (`KINDS`)."""
    ordered = [kind for kind in KINDS if kind in kinds]
    for kind in (kind for kind in ordered if kind in _patterns()):
        texts = mask(texts, kind)
    sought = [kind for kind in ordered if kind in _finders()]
    if len(sought) == 0:
        return texts
    hints = "|".join(f"(?:{_finders()[kind].hint})" for kind in sought)  # looked for at once: half the time
    rows = texts.str.contains(hints).fill_null(False).arg_true()
    if len(rows) == 0:
        return texts
    found = texts.gather(rows)
    for kind in sought:
        found = mask(found, kind)
    return markup.replaced(texts, rows.to_numpy(), found)


def masks() -> dict[str, str]:
    """What stands in the place of each kind."""
    return {row["kind"]: row["text"] for row in lexicon.read_table("personal_words.tsv") if row["use"] == "mask"}


def _masked(text: str, kind: str, word: str) -> str:
    parts, last = [], 0
    for begin, end in spans(text, kind):
        parts += [text[last:begin], word]
        last = end
    return "".join([*parts, text[last:]])


def _patterns() -> dict[str, str]:
    """The kinds that a pattern finds by itself."""
    return {"url": markup.URLS.patterns[0][0], "email": markup.EMAILS.patterns[0][0]}


@lru_cache(maxsize=1)
def _finders() -> dict[str, Finder]:
    words = _words("before", "phone")
    mobile = rf"(?:{DIGIT}{GAP}){{9}}{DIGIT}"  # the shortest as it is dialled in its country
    abroad = rf"(?:\+|00|\x{{660}}\x{{660}}|\x{{6f0}}\x{{6f0}}){GAP}(?:{DIGIT}{GAP}){{8}}"
    dialled = rf"(?:{DIGIT}{GAP}){{6}}{DIGIT}"
    return {
        "iban": Finder(rf"(?i)[A-Z]{{2}}{DIGIT}{{2}}[ \x{{a0}}-]?[0-9A-Z]", _ibans),
        "national_id": Finder(rf"{DIGIT}{{10}}|784[ -]?{DIGIT}{{4}}[ -]?{DIGIT}{{7}}", _identities),
        "phone": Finder(rf"(?i)(?:{words})\P{{Nd}}{{0,{NEAR}}}{dialled}|{abroad}|{mobile}", _phones),
        "ip": Finder(r"[0-9]\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f:]*:[0-9A-Fa-f]", _addresses),
    }


def _words(use: str, kind: str) -> str:
    rows = lexicon.read_table("personal_words.tsv")
    return "|".join(re.escape(row["text"]) for row in rows if (row["use"], row["kind"]) == (use, kind))


@lru_cache(maxsize=8)
def _stands(use: str, kind: str) -> re.Pattern[str]:
    """Whether one of the words stands at the end of what is before a number, other numbers not between."""
    return re.compile(rf"(?:{_words(use, kind)})[^\d\n]{{0,{NEAR}}}$", re.I)


def _said_before(text: str, begin: int, use: str, kind: str) -> bool:
    return bool(_stands(use, kind).search(text[max(0, begin - 2 * NEAR) : begin]))


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        end = _iban_end(match[0].upper())
        if end:
            yield match.start(), match.start() + end


def _iban_end(found: str) -> int:
    """Where an account's number ends in a text that begins with one; 0 if there is none.

    What follows it may look like more of it, so the length of its country decides; of countries whose length is not in
    the table all is taken.
    """
    places = [place for place, char in enumerate(found) if char.isalnum()]
    length = IBAN_LENGTHS.get(found[:2], len(places))
    if not IBAN_SHORTEST <= length <= min(IBAN_LONGEST, len(places)):
        return 0
    end = places[length - 1] + 1
    if found[end : end + 1].isalnum():
        return 0
    compact = "".join(char for char in found[:end] if char.isalnum())
    number = "".join(str(int(char, 36)) for char in compact[4:] + compact[:4])
    return end if int(number) % 97 == 1 else 0


def _identities(text: str) -> Iterator[Span]:
    rules = {10: _saudi, 12: _kuwaiti, 14: _egyptian, 15: _emirati}
    for match in _ID.finditer(text):
        digits = "".join(char for char in match[0] if char.isdigit())
        if rules[len(digits)](digits) and not _said_before(text, match.start(), "not_before", "phone"):
            yield match.span()


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: from the right every second digit doubled, their digits summed, a multiple of ten."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _saudi(digits: str) -> bool:
    return digits[0] in "12" and _luhn(digits)


def _emirati(digits: str) -> bool:
    return digits.startswith("784") and _luhn(digits)


def _kuwaiti(digits: str) -> bool:
    total = sum(weight * int(digit) for weight, digit in zip(KUWAIT_WEIGHTS, digits[:-1], strict=True))
    return digits[0] in "23" and _born(digits) and 11 - total % 11 == int(digits[-1])


def _egyptian(digits: str) -> bool:
    return digits[0] in "23" and _born(digits) and int(digits[7:9]) in GOVERNORATES


def _born(digits: str) -> bool:
    """Whether a number begins with a century and a date of birth."""
    year, month, day = (int(digits[place : place + 2]) for place in (1, 3, 5))
    try:
        date(CENTURIES[digits[0]] + year, month, day)
    except ValueError:
        return False
    return True


def _phones(text: str) -> Iterator[Span]:
    last = 0
    for match in _phone_pattern().finditer(text):
        begin, end = match.span("number" if match["number"] else "local")
        grouped = _GROUP.search(text, begin, end)  # digits one by one are a list of them
        years = _YEARS.fullmatch(text, begin, end)
        if begin >= last and grouped and not years and not _said_before(text, begin, "not_before", "phone"):
            yield begin, end
            last = end


@lru_cache(maxsize=1)
def _phone_pattern() -> re.Pattern[str]:
    """One pattern of all plans: abroad, as it is dialled at home, behind a word that announces it."""
    plans = lexicon.read_table("phone_plans.tsv")
    abroad, closed, home, dialled = [], [], [], []
    for plan in plans:
        mobile, every = _spread(plan["mobile"]), _spread(f"{plan['mobile']}|{plan['landline']}")
        abroad.append(rf"{plan['code']}{GAP}(?:0{GAP})?(?:{every})")
        closed.append(rf"{plan['code']}(?:{plan['mobile'].replace('d', '[0-9]')})")
        home += [rf"{plan['national']}{GAP}(?:{mobile})"] if plan["national"] else []
        dialled.append(every)
    announced = rf"(?<![A-Za-z])(?:{_words('before', 'phone')})[^\d\n+{COMMAS}]{{0,{NEAR}}}?"
    number = rf"(?:(?:\+|00){GAP}(?:{'|'.join(abroad)})|{'|'.join(closed)}|{'|'.join(home)})"
    local = rf"(?:0{GAP})?(?:{'|'.join(dialled)})"
    return re.compile(
        rf"(?:{STARTS}(?P<number>{number}){STOPS})|(?:{announced}(?<![0-9])(?P<local>{local}){STOPS})", re.I
    )


def _spread(patterns: str) -> str:
    """Patterns of digits with gaps allowed between them."""
    parts = [re.findall(r"\[[^\]]*\]|.", one) for one in patterns.split("|")]
    return "|".join(GAP.join("[0-9]" if part == "d" else part for part in one) for one in parts)


def _addresses(text: str) -> Iterator[Span]:
    for match in _IP4.finditer(text):
        numbered = max(map(int, match[0].split("."))) < MANY  # a heading: 1.3.2.1
        if not numbered and not _said_before(text, match.start(), "not_before", "ip"):
            yield match.span()
    for match in _IP6.finditer(text):
        groups = [group for group in match[0].split(":") if group]
        if len(groups) >= 3 and _is_ip6(match[0]):
            yield match.span()


def _is_ip6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True

"""A second, slow cleaning, written from the rules and `unicodedata`; the kernel must agree with it byte for byte."""

import re
import unicodedata
from dataclasses import replace
from functools import cache

import polars as pl
import regex

from arabic_llm_pipeline.arabic import elongation, lexicon, markup
from arabic_llm_pipeline.arabic.clean import TextPolicy

SCALARS = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
PRESENTATION = set(map(chr, [*range(0xFB50, 0xFE00), *range(0xFE70, 0xFF00)]))
ARABIC_BLOCKS = [(0x600, 0x6FF), (0x750, 0x77F), (0x870, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)]
ARABIC_BLOCKS += [(0x10EC0, 0x10EFF), (0x1EE00, 0x1EEFF)]
DIGITS = (
    {"٠١٢٣٤٥٦٧٨٩"[n]: n for n in range(10)} | {"۰۱۲۳۴۵۶۷۸۹"[n]: n for n in range(10)} | {str(n): n for n in range(10)}
)
BREAKS = "\n\r\x0b\x0c\x85\u2028\u2029"
BLANKS = "\t" + "".join(c for c in SCALARS if unicodedata.category(c) == "Zs")
WORD = r"[\p{L}\p{M}\p{N}\p{Pc}\u200c\u200d]"
FINAL_YEH = regex.compile(rf"(?<!{WORD}){WORD}*ی[\u200c\u200d]*(?!{WORD})")
MAKSURA = [row["word"] for row in lexicon.read_table("alef_maksura_words.tsv")]
FOREIGN = regex.compile(r"[^\p{Script=Arabic}\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]")
FORMS = {
    shape: {
        unicodedata.normalize("NFKC", char)
        for char in SCALARS[0xFB50:0xFE00] + list(map(chr, range(0xFE70, 0xFF00)))
        if unicodedata.decomposition(char).startswith(f"<{shape}>")
    }
    for shape in ("initial", "final")
}
JOINING, JOINED = FORMS["initial"], FORMS["final"] | FORMS["initial"]
TANWIN = set("ًٌٍ\u08f0\u08f1\u08f2\u0656\u0657\u065e")
VOWELS, MEEMS = set("َُِْ\u06e1"), set("\u06e2\u06ed")
VISIBLE = {*map(chr, range(0x600, 0x606)), "\u06dd", "\u070f", "\u0890", "\u0891", "\u08e2", "\U000110bd", "\U000110cd"}
PERSIAN = {"ک": "ك", "ڪ": "ك", "ی": "ي", "ھ": "ه", "ہ": "ه", "ە": "ه", "ۃ": "ة"}
ALEFS = dict.fromkeys("أإآٱٲٳٵ", "ا")


def in_arabic(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in ARABIC_BLOCKS)


def presentation(char: str, expand: bool) -> str:
    if char not in PRESENTATION or ("\ufdf0" <= char <= "\ufdfd" and not expand):
        return char
    if char == "\ufe73":
        return ""
    spelt = unicodedata.normalize("NFKC", char)
    if spelt != char and all(c in " ـ" or unicodedata.combining(c) for c in spelt):
        return "".join(c for c in spelt if c not in " ـ")
    return spelt


def hidden(char: str) -> bool:
    code = ord(char)
    nonchar = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    category = unicodedata.category(char)
    return nonchar or (category in ("Cc", "Cf", "Co") and char not in VISIBLE and char not in BREAKS + "\t\u200d\u200c")


def mark(char: str) -> bool:
    return char in "\u06e5\u06e6" or (in_arabic(char) and unicodedata.category(char) == "Mn")


def uncontrolled(char: str) -> str:
    if char in BREAKS:
        return char if char == "\r" else "\n"
    return "" if hidden(char) or char in "\u200d\u200c" else char


def western(char: str) -> str:
    return str(DIGITS[char]) if char in DIGITS else {"٫": ".", "٬": ","}.get(char, char)


def foreign(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM" and FOREIGN.match(char) is not None


def arabic_indic(text: str) -> str:
    """Persian digits everywhere, Western ones where nothing Latin stands between the same two blanks."""
    text = "".join("٠١٢٣٤٥٦٧٨٩"[DIGITS[c]] if c in "۰۱۲۳۴۵۶۷۸۹" else c for c in text)
    tokens = re.split(f"([{BLANKS}{BREAKS}]+)", text)
    return "".join(token if any(map(latin, token)) else other_digits(token) for token in tokens)


def latin(char: str) -> bool:
    return char < "\u0250" and char.isalpha()


def other_digits(token: str) -> str:
    return re.sub("[0-9](?![\ufe0f\u20e3])", lambda found: "٠١٢٣٤٥٦٧٨٩"[int(found[0])], token)


def stripped(char: str, how: str) -> str:
    """A mark under each choice that goes by code point."""
    if how == "strip":
        return "" if mark(char) else char
    if how == "keep_shadda":
        return "" if mark(char) and char != "ّ" else char
    if how == "keep_tanwin":
        return "" if mark(char) and char not in TANWIN else char
    return char


def kind(char: str) -> str:
    """What a character is to the ends of words."""
    if char in VISIBLE:
        return " "
    for name, chars in (("v", VOWELS), ("t", TANWIN), ("m", MEEMS), ("a", "اى")):
        if char in chars:
            return name
    category = unicodedata.category(char)
    return "L" if category[0] == "L" else "+" if category[0] == "M" or category == "Cf" else " "


def without_endings(text: str) -> str:
    kinds = "".join(map(kind, text))
    drop: set[int] = set()
    for word in re.finditer(r"[^ ]+", kinds):
        letters = [word.start() + found.start() for found in re.finditer("[La]", word[0])]
        if len(letters) < 2:
            continue
        last = range(letters[-1] + 1, word.end())
        before = range(letters[-2] + 1, letters[-1])
        if any(kinds[i] in "vt" for i in last):
            drop |= {i for i in last if kinds[i] in "vtm"}
        if kinds[letters[-1]] == "a" and any(kinds[i] in "tm" for i in before):
            drop |= {i for i in before if kinds[i] in "vtm"}
    return "".join(char for i, char in enumerate(text) if i not in drop)


@cache
def one(char: str, policy: TextPolicy) -> str:
    """What a single code point becomes, but for blanks, tatweel and the joiner."""
    out = presentation(char, policy.ligatures == "expand") if policy.presentation_forms else char
    if policy.controls:
        out = "".join(c if c in "\u200d\u200c" else uncontrolled(c) for c in out)
    for wanted, rule in (
        (policy.persian_letters == "arabic", lambda c: PERSIAN.get(c, c)),
        (policy.alif, lambda c: ALEFS.get(c, c)),
        (policy.ya, lambda c: {"ى": "ي", "ی": "ي"}.get(c, c)),
        (policy.ta_marbuta, lambda c: {"ة": "ه", "ۃ": "ه"}.get(c, c)),
        (policy.hamza_carriers, lambda c: {"ؤ": "و", "ئ": "ي"}.get(c, c)),
        (policy.digits == "western", western),
        (True, lambda c: stripped(c, policy.diacritics)),
        (policy.punctuation == "drop", unpunctuated),
        (policy.case == "fold", fold),
    ):
        out = "".join(map(rule, out)) if wanted else out
    if policy.other_scripts == "drop" and foreign(char):
        return ""
    return "".join(c for c in out if c not in "ـ\u200d\u200c") if policy.punctuation == "drop" else out


def unpunctuated(char: str) -> str:
    if unicodedata.category(char)[0] in "PS":
        return " "
    selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return "" if selector or unicodedata.category(char) == "Me" else char


def fold(char: str) -> str:
    folded = char.casefold()
    return char if folded == char else unicodedata.normalize("NFC", folded)


def sort_marks(text: str) -> str:
    out: list[str] = []
    run: list[str] = []
    for char in text:
        if unicodedata.combining(char):
            run.append(char)
        else:
            out += sorted(run, key=unicodedata.combining)
            run = []
            out.append(char)
    return "".join(out + sorted(run, key=unicodedata.combining))


def is_word(char: str) -> bool:
    return unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd") and char != "\ufe0f"


def pictograph(char: str) -> bool:
    free = 0x1F000 <= ord(char) < 0x1FB00 and unicodedata.category(char) == "Cn"
    return unicodedata.category(char) == "So" or char == "↔" or free


def strokes(text: str, tatweel: bool, joiners: bool) -> str:
    """Runs of tatweel, joiner, non-joiner: the Hijri mark's stroke, what an emoji or a word needs, or nothing."""
    acted = ("ـ" if tatweel else "") + ("\u200d\u200c" if joiners else "")
    parts = re.split(f"([{acted}]+)", text) if acted else [text]
    out = parts[0]
    for run, rest in zip(parts[1::2], parts[2::2], strict=True):
        wanted = next((kept for sign in run if (kept := wanted_sign(sign, out))), "")
        if wanted == "ـ":
            out += "" if rest and is_word(rest[0]) else wanted
        elif wanted == "\u200d":
            out += wanted if rest and pictograph(rest[0]) else ""
        elif wanted:
            out += wanted if rest and rest[0] in JOINED else ""
        out += rest
    return out


def wanted_sign(sign: str, before: str) -> str:
    """What a sign would become if what follows agrees."""
    if not before:
        return ""
    if sign == "\u200c":
        return sign if before[-1] in JOINING else ""
    if before[-1] == "ه" and (len(before) == 1 or before[-2] in DIGITS or not is_word(before[-2])):
        return "ـ"
    return sign if sign == "\u200d" and (pictograph(before[-1]) or before[-1] in MODIFIERS) else ""


def blanks(text: str) -> str:
    text = text.replace("\r\n", "\n")
    text = re.sub(f"[{BLANKS}]", " ", re.sub(f"[{BREAKS}]", "\n", text))
    return re.sub("\n{3,}", "\n\n", re.sub(" *\n *", "\n", re.sub(" +", " ", text))).strip(" \n")


def by_code_point(text: str, policy: TextPolicy) -> str:
    """Everything that the table does."""
    out = "".join(one(char, policy) for char in text)
    key = policy.punctuation == "drop"
    out = strokes(out, policy.tatweel and not key, policy.controls and not key)
    out = sort_marks(out) if policy.nfc else out
    out = blanks(out) if policy.spaces else out
    out = without_endings(out) if policy.diacritics == "strip_endings" else out
    return arabic_indic(out) if policy.digits == "arabic_indic" else out


def patterns(text: str, groups: list[markup.Group]) -> str:
    series = pl.Series([text], dtype=pl.String)
    for group in groups:
        series = group.apply(series)
    return str(series[0])


def maksura(found: regex.Match[str]) -> str:
    word = found[0].replace("ک", "ك").rstrip("\u200c\u200d").removesuffix("ی").replace("ی", "ي") + "ى"
    listed = any(re.fullmatch(f"[وف]?[بل]?(?:ال)?{stem}", word) for stem in MAKSURA)
    return re.sub("ی(?=[\u200c\u200d]*$)", "ى", found[0]) if listed else found[0]


def before(text: str, policy: TextPolicy) -> str:
    """Patterns (the same ones: they are tested by cases) and composition."""
    groups = [markup.ENTITIES, markup.HTML, markup.WIKI, markup.MARKDOWN] if policy.markup else []
    text = patterns(text, groups)
    if policy.persian_letters == "arabic":
        text = FINAL_YEH.sub(maksura, text)
    groups = [elongation.SHORTENED] if policy.elongation == "shorten" else []
    groups += [markup.URLS] if policy.urls == "drop" else []
    groups += [markup.EMAILS] if policy.emails == "drop" else []
    text = patterns(text, groups)
    if not policy.nfc:
        return text
    if policy.tatweel:
        text = re.sub("ـ+([ً-ْٰ\u0656\u0657\u065e\u06e1\u08f0-\u08f2]*)ٔ", r"ئ\1", text)
    return unicodedata.normalize("NFC", "".join(one(char, repairs(policy)) for char in text))


@cache
def repairs(policy: TextPolicy) -> TextPolicy:
    """What is done before composition."""
    forms = policy.presentation_forms
    same = {name: getattr(policy, name) for name in ("ligatures", "controls", "persian_letters")}
    return replace(NOTHING, presentation_forms=forms, **same)


def vocalised(text: str) -> bool:
    letters = sum(in_arabic(char) and unicodedata.category(char) == "Lo" for char in text)
    return letters > 0 and sum(char in TANWIN | VOWELS | {*"ّٰ"} for char in text) >= letters / 2


def clean(text: str, policy: TextPolicy) -> str:
    """All rules, again and again until nothing changes."""
    if policy.diacritics == "keep_vocalised":
        kept = clean(text, replace(policy, diacritics="keep"))
        return kept if vocalised(kept) else clean(kept, replace(policy, diacritics="strip"))
    text = by_code_point(before(text, policy), policy)
    while (again := before(text, policy)) != text:
        text = by_code_point(again, policy)
    return text


MODIFIERS = "\ufe0f" + "".join(map(chr, range(0x1F3FB, 0x1F400)))
NOTHING = TextPolicy(
    nfc=False,
    presentation_forms=False,
    persian_letters="keep",
    tatweel=False,
    controls=False,
    markup=False,
    urls="keep",
    emails="keep",
    spaces=False,
)

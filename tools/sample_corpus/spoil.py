"""Ways in which a text gets dirty between its author and a corpus; a good pipeline undoes or drops each of them."""

import html
import re
import unicodedata
from random import Random

TATWEEL = "\u0640"
LETTERS = "\u0620-\u064a"
JOINED = re.compile(rf"(?<=[\u0628\u062a-\u062e\u0633-\u063a\u0641-\u0647\u064a])(?=[{LETTERS}])")
CONTROLS = "\u200b\u200e\u200f\u202b\u202c\ufeff\x07\x1b"
LOOKALIKES = str.maketrans({"\u064a": "\u06cc", "\u0643": "\u06a9"})  # Farsi yeh, keheh
SHAPES = ("isolated", "final", "initial", "medial")


def _presentation_forms() -> dict[str, dict[str, str]]:
    """Letter -> shape -> its code point in the block of presentation forms B."""
    forms: dict[str, dict[str, str]] = {}
    for code in range(0xFE80, 0xFEFD):
        shape, *letters = unicodedata.decomposition(chr(code)).split()
        forms.setdefault("".join(chr(int(letter, 16)) for letter in letters), {})[shape.strip("<>")] = chr(code)
    return forms


FORMS = _presentation_forms()


def presentation_forms(text: str) -> str:
    """The text as old PDF extractors write it: each letter as the shape that it has in its place, lam-alef as one."""
    text = re.sub(r"(\u0644)([\u0622\u0623\u0625\u0627])", lambda pair: f"\ue000{pair[2]}", text)
    units = re.findall(r"\ue000.|.", text, re.DOTALL)
    letters = [unit.replace("\ue000", "\u0644") for unit in units]
    return "".join(_shaped(letters, place) for place in range(len(letters)))


def _shaped(letters: list[str], place: int) -> str:
    shapes = FORMS.get(letters[place])
    if shapes is None:
        return letters[place]
    before = place > 0 and "initial" in FORMS.get(letters[place - 1], {}) and "final" in shapes
    after = place + 1 < len(letters) and "final" in FORMS.get(letters[place + 1], {}) and "initial" in shapes
    return shapes[SHAPES[before + 2 * after]]


def stretched(text: str, rng: Random, share: float = 0.25) -> str:
    """Tatweel between joined letters of some words."""

    def stretch(word: str) -> str:
        return JOINED.sub(TATWEEL * rng.randrange(1, 4), word, count=1) if rng.random() < share else word

    return " ".join(map(stretch, text.split(" ")))


def controlled(text: str, rng: Random, share: float = 0.1) -> str:
    """Invisible marks, joiners and control characters before some spaces."""
    return re.sub(" ", lambda _: f"{rng.choice(CONTROLS)} " if rng.random() < share else " ", text)


def marked_up(text: str) -> str:
    """The text as a web page holds it."""
    paragraphs = "".join(f'<p class="text">{html.escape(part)}</p>\n' for part in text.split("\n\n"))
    head = "<html><head><style>p {color: #333}</style><script>track('view');</script></head><body>\n"
    return f"{head}<div><h1>&nbsp;</h1>{paragraphs}<!-- end --><br/></div></body></html>"


def decomposed(text: str) -> str:
    """Letters and their hamza or madda apart, as some file systems and keyboards have them."""
    return unicodedata.normalize("NFD", text)


def foreign_letters(text: str) -> str:
    """Persian code points for Arabic letters that look the same."""
    return text.translate(LOOKALIKES)


def misread(text: str) -> str:
    """UTF-8 read as Windows-1256."""
    return text.encode("utf-8").decode("cp1256", errors="ignore")


def nearly(text: str, rng: Random) -> str:
    """The same text with other spacing and punctuation, and one word more: a copy by another hand."""
    words = text.split()
    words.insert(rng.randrange(len(words)), rng.choice(["فعلًا", "هنا", "أيضًا", "اليوم"]))
    return re.sub(r"\s*([،؛])\s*", r" \1 ", " ".join(words)).rstrip(".") + " ..."

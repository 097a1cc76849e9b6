"""The rules of arabic/sentences.py once more, slowly: line by line, by regular expressions over what stands before and
behind each mark, with nothing kept from one character to the next."""

import re
import unicodedata
from dataclasses import dataclass, field

from arabic_llm_pipeline.arabic.alphabet import ARABIC_LETTERS, VISIBLE_FORMAT
from arabic_llm_pipeline.arabic.lexicon import read_table

BREAKS = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
FINALS, ELLIPSIS, SEMICOLON, COMMAS = "!?‼⁇⁈⁉‽؟۔", "…", "؛", ",،"
JOINERS = {0x200D, 0xFE0F, *range(0x1F3FB, 0x1F400)}
CLOSING = ("blank", "break", "stop", "final", "ellipsis", "comma", "semicolon", "colon", "close")
FACES = {*map(ord, "☹☺♥✌❣❤"), *range(0x1F300, 0x1FB00)}
BRACKET_CHARACTERS, EMOJI_WORDS, RUN_ON = 300, 3, 3


def table(name: str) -> dict[str, str]:
    return {row["form"]: row["role"] for row in read_table(name)}


ABBREVIATIONS, WORDS = table("abbreviations.tsv"), table("sentence_words.tsv")
ERAS = {form for form, role in ABBREVIATIONS.items() if role == "era"}


def kind(char: str) -> str:
    category = unicodedata.category(char)
    for name, chars in (
        ("stop", "."), ("final", FINALS), ("semicolon", SEMICOLON), ("ellipsis", ELLIPSIS), ("comma", COMMAS),
        ("colon", ":"), ("quote", "\"'"), ("mark", "\u0640\u06e5\u06e6"), ("break", "\n\r\v\f\x85\u2028\u2029"),
    ):  # fmt: skip
        if char in chars:
            return name
    if ord(char) in JOINERS:
        return "picture"
    if ord(char) in FACES:
        return "emoji"
    if char in VISIBLE_FORMAT:
        return "plain"
    if char in ARABIC_LETTERS:
        return "arabic"
    if category in ("Zs", "Cc", "Cf"):
        return "blank"
    first = {"L": "foreign", "M": "mark"}.get(category[0])
    by_category = {"Nd": "number", "Ps": "open", "Pe": "close", "Pi": "quote_open", "Pf": "quote", "So": "picture"}
    return first or by_category.get(category, "plain")


def is_word(char: str) -> bool:
    return kind(char) in ("arabic", "foreign", "number", "mark")


@dataclass
class Rules:
    semicolon: bool = True
    comma: bool = False
    wrapped: bool = False
    longest: int = 0


@dataclass
class Word:
    """A run of word characters and of the stops inside it."""

    begin: int
    end: int
    text: str
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        bare = "".join(char.lower() if char.isascii() else char for char in self.text if kind(char) != "mark")
        self.text, self.parts = bare, bare.split(".")

    def letters(self) -> int:
        return sum(kind(char) in ("arabic", "foreign") for char in self.parts[-1])

    def digits(self) -> int:
        return sum(kind(char) == "number" for char in self.parts[-1])

    def is_number(self) -> bool:
        return self.letters() == 0 and self.digits() > 0

    def is_letter(self) -> bool:
        return self.letters() == 1 and self.digits() == 0

    def counts(self) -> bool:
        return any(kind(char) != "mark" and char != "." for char in self.text)


def words_of(line: str) -> list[Word]:
    """All words of a line."""
    found, i = [], 0
    while i < len(line):
        if not is_word(line[i]):
            i += 1
            continue
        begin = i
        while i < len(line) and (is_word(line[i]) or (line[i] == "." and joins(line, begin, i))):
            i += 1
        found.append(Word(begin, i, line[begin:i]))
    return found


def joins(line: str, begin: int, i: int) -> bool:
    """Whether the stop at `i` is part of the word that begins at `begin`."""
    if i + 1 == len(line):
        return False
    following = kind(line[i + 1])
    if following in ("foreign", "number"):
        return True
    part = Word(begin, i, line[begin:i])
    return following == "arabic" and part.digits() == 0 and 0 < part.letters() < RUN_ON


def closing(line: str, i: int) -> int:
    """The place of the bracket that closes the one at `i`, or -1."""
    depth = 0
    for k in range(i, min(len(line), i + BRACKET_CHARACTERS)):
        depth += {"open": 1, "close": -1}.get(kind(line[k]), 0)
        if depth == 0:
            return k
    return -1


class Line:
    """One line, cut."""

    def __init__(self, line: str, rules: Rules):
        references = {k for match in re.finditer(r"\[\d+\]", line) for k in range(match.start(), match.end())}
        self.line, self.rules = line, rules
        self.words = [word for word in words_of(line) if word.begin not in references]
        self.kinds = ["blank" if rules.wrapped and kind(char) == "break" else kind(char) for char in line]
        self.blanked = "".join(" " if name == "blank" else char for char, name in zip(line, self.kinds, strict=True))
        self.brackets: list[tuple[int, int]] = []
        i = 0
        while i < len(line):
            end = closing(line, i) if self.kinds[i] == "open" else -1
            if end >= 0:
                self.brackets.append((i, end))
            i = max(i, end) + 1

    def spans(self) -> list[tuple[int, int]]:
        """The spans of its sentences."""
        found: list[tuple[int, int]] = []
        start = i = 0
        while i < len(self.line):
            cut = self.item_cut(start, i)
            if cut is None:
                i, ends = self.step(start, i)
                if not ends:
                    continue
                cut = i
            found.append((start, cut))
            start = i = cut
        return self.joined([*found, (start, len(self.line))])

    def joined(self, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Pieces without blanks around them; those without a word, and pictures, are put to the one before."""
        found: list[tuple[int, int]] = []
        waiting = None
        for left, right in pieces:
            begin, end = left, right
            spoken = any(begin <= word.begin < end and word.counts() for word in self.words)
            shown = [k for k in range(begin, end) if self.kinds[k] not in ("blank", "break")]
            if not shown:
                continue
            begin, end = shown[0], shown[-1] + 1
            if found and spoken:
                while self.kinds[begin] in ("picture", "emoji", "blank", "break"):
                    if self.kinds[begin] in ("picture", "emoji"):
                        found[-1] = (found[-1][0], begin + 1)
                    begin += 1
            if spoken:
                found.append((begin if waiting is None else waiting, end))
                waiting = None
            elif found:
                found[-1] = (found[-1][0], end)
            else:
                waiting = begin if waiting is None else waiting
        return found

    def item_cut(self, start: int, i: int) -> int | None:
        """Where a sentence ends because the next number of a list begins at `i`."""
        value = self.item(start, i)
        goes_on = value and value == self.expected(start, i) and self.words_before(start, i)
        return i if goes_on and not self.bracket(i) else None

    def item(self, start: int, i: int) -> int:
        """The number of a list that stands at `i`, or 0."""
        if i > start and self.kinds[i - 1] not in ("blank", "break"):
            return 0
        found = re.match(r"([0-9٠-٩۰-۹]{1,2})[-.)] ", self.blanked[i : i + 4])
        return int(found[1]) if found else 0

    def expected(self, start: int, i: int) -> int:
        """Which number would go on with the list that stands in line[start:i]."""
        wanted = 0
        for k in range(start, i):
            value = self.item(start, k)
            if value and self.is_item(start, k):
                wanted = value + 1
        return 0 if self.seen(start, i) == "comma" else wanted

    def is_item(self, start: int, k: int) -> bool:
        """Whether the number at `k` begins an item: first of its sentence, behind a colon, or a 1 with a dash."""
        one = re.match(r"\d[-)]", self.line[k : k + 2]) and self.item(start, k) == 1
        return not self.words_before(start, k) or self.led(start, k) or bool(one)

    def words_before(self, start: int, i: int) -> list[Word]:
        return [word for word in self.words if start <= word.begin < i and word.counts()]

    def led(self, start: int, i: int) -> bool:
        """Whether a colon is the last thing before `i`."""
        return self.seen(start, i) == "colon"

    def seen(self, start: int, i: int) -> str:
        """The kind of the last visible character before `i`."""
        before = [self.kinds[k] for k in range(start, i) if self.kinds[k] not in ("blank", "break")]
        return before[-1] if before else "blank"

    def step(self, start: int, i: int) -> tuple[int, bool]:
        """From a character to the next one that is looked at; whether a sentence ends between them."""
        word = next((word for word in self.words if word.begin <= i < word.end), None)
        if word:
            return word.end, False
        reference = re.match(r"\[\d+\]", self.line[i:])
        if reference:
            return i + reference.end(), False
        name = self.kinds[i]
        if name == "emoji":
            return self.faces(start, i)
        if name in ("semicolon", "comma"):
            return i + 1, self.clause_ends(i, name)
        if name in ("stop", "final", "ellipsis"):
            after, closers = self.run(i)
            ends = self.ends(start, i, after, closers)
            return (self.reference_behind(after) if ends else after), ends
        return i + 1, False

    def at(self, i: int) -> str:
        return self.kinds[i] if i < len(self.line) else "break"

    def next_word(self, i: int) -> Word | None:
        """The word behind the blanks at `i`."""
        while self.at(i) == "blank":
            i += 1
        return next((word for word in self.words if word.begin == i), None)

    def faces(self, start: int, i: int) -> tuple[int, bool]:
        after = i
        while self.at(after) in ("emoji", "picture", "blank"):
            after += 1
        following = self.next_word(after)
        ends = len(self.words_before(start, i)) >= EMOJI_WORDS and following is not None and following.counts()
        ends = ends and not self.bracket(i)
        if following and (following.text.startswith("و") or WORDS.get(following.text) in ("goes_on", "conjunction")):
            ends = False
        return after, ends

    def clause_ends(self, i: int, name: str) -> bool:
        wanted = self.rules.semicolon if name == "semicolon" else self.rules.comma
        return wanted and not self.bracket(i) and self.at(i + 1) in ("blank", "break", "arabic")

    def bracket(self, i: int) -> tuple[int, int] | None:
        return next((pair for pair in self.brackets if pair[0] < i <= pair[1]), None)

    def run(self, i: int) -> tuple[int, str]:
        """Where the marks at `i` end, with the quotes, brackets and references that close behind them."""
        closers = ""
        while i < len(self.line):
            reference = re.match(r"\[\d+\]", self.line[i:])
            if reference:
                i += reference.end()
                continue
            name = self.kinds[i]
            if name not in ("stop", "final", "ellipsis", "close", "quote", "quote_open") or self.opens(-1, i):
                break
            own = "" if ")" in closers or '"' in closers else self.line[i]
            closers += {"close": ")", "quote": '"', "quote_open": '"'}.get(name, own)
            i += 1
        return i, closers

    def reference_behind(self, i: int) -> int:
        found = re.match(r" +\[\d+\](?: *\[\d+\])*", self.blanked[i:])
        return i + found.end() if found else i

    def quote(self, start: int, i: int) -> tuple[int, bool] | None:
        """The quote that is open at `i`: its place, and whether it is announced (by a colon, or first of all)."""
        state = None
        for k in range(start, i):
            if self.kinds[k] not in ("quote", "quote_open"):
                continue
            announced = not self.words_before(start, k) or self.led(start, k)
            state = (k, announced) if self.opens(start, k) else None
        return state

    def opens(self, start: int, k: int) -> bool:
        """Whether the quotation mark at `k` opens a quote."""
        before = self.kinds[k - 1] if k > start and k else "break"
        free = self.kinds[k] == "quote_open" or (
            self.kinds[k] == "quote" and before in ("blank", "break", "colon", "open")
        )
        return free and self.at(k + 1) not in CLOSING

    def ends(self, start: int, i: int, after: int, run: str) -> bool:
        following, marks = self.at(after), run.rstrip(')"')
        stops, finals = marks.count("."), [char for char in marks if char in FINALS]
        ellipsis = ELLIPSIS in marks or stops > 1
        if following in ("comma", "semicolon"):
            return False
        bracket = self.bracket(i)
        if bracket and (after <= bracket[1] or (self.words_before(start, bracket[0]) and (finals or ellipsis))):
            return False
        if '"' in run and self.quote_goes_on(start, i, after, bool(finals or ellipsis)):
            return False
        if finals:
            return not finals[-1].isascii() or following not in ("foreign", "number", "plain", "mark")
        spaced = following in ("blank", "break", "picture", "emoji")
        if ellipsis:
            word = self.next_word(after)
            return spaced and not (word and WORDS.get(word.text) == "goes_on")
        return self.stop_ends(start, i, after) if spaced else self.run_on(start, i, after)

    def quote_goes_on(self, start: int, i: int, after: int, loud: bool) -> bool:
        """Whether the sentence around a quote that ends with a mark goes on behind it."""
        quote = self.quote(start, i)
        if quote is None:
            return False
        place, announced = quote
        if not announced:
            return loud or len([word for word in self.words_before(start, i) if word.begin > place]) == 1
        word = self.next_word(after)
        role = WORDS.get(word.text) if word else None
        return role == "says" if not self.words_before(start, place) else loud and role == "preposition"

    def word_before(self, i: int) -> Word | None:
        return next((word for word in self.words if word.end == i and word.counts()), None)

    def run_on(self, start: int, i: int, after: int) -> bool:
        """A stop with no blank behind it."""
        bare = [char for char in self.line[after:] if kind(char) != "mark"][:2]
        if self.at(after) != "arabic" or len(bare) < 2 or any(kind(char) != "arabic" for char in bare):
            return False
        word = self.word_before(i)
        if word is None:
            return True
        if word.is_number():
            return len(self.words_before(start, word.begin)) > 0
        return word.letters() >= RUN_ON

    def stop_ends(self, start: int, i: int, after: int) -> bool:
        """A stop with a blank behind it."""
        word = self.word_before(i)
        if word is None:
            return True
        if word.is_number() and (not self.words_before(start, word.begin) or self.is_marked_item(start, word)):
            return False
        chain = len(word.parts) > 1 and all(len(part) == 1 for part in word.parts)
        if chain and word.is_letter():
            return word.text in ERAS and self.after_number(start, word)
        if word.is_letter():
            following = self.next_word(after)
            initial = following and len(following.text) == 1 and self.at(following.end) == "stop"
            return self.after_number(start, word) and not (following and following.digits()) and not initial
        role, following = ABBREVIATIONS.get(word.text), self.next_word(after)
        if role == "before_number":
            return not (following and following.is_number())
        return role != "always"

    def is_marked_item(self, start: int, word: Word) -> bool:
        return bool(self.item(start, word.begin)) and self.led(start, word.begin)

    def after_number(self, start: int, word: Word) -> bool:
        """Whether a number stands before a word, perhaps with single letters and stops between them."""
        before = [one for one in self.words if start <= one.begin < word.begin and one.counts()]
        while before:
            last = before.pop()
            if any(self.kinds[k] not in ("blank", "break", "stop") for k in range(last.end, word.begin)):
                return False
            if last.digits():
                return True
            if not last.is_letter() or "." not in self.line[last.end : word.begin]:
                return False
            word = last
        return False


def lines(text: str, wrapped: bool) -> list[tuple[int, int]]:
    """Where the lines stand; wrapped ones up to an empty one are one."""
    found, begin = [], 0
    for end in [*BREAKS.finditer(text), None]:
        stop = end.start() if end else len(text)
        found.append((begin, stop))
        begin = end.end() if end else 0
    if not wrapped:
        return found
    joined: list[tuple[int, int]] = []
    open_ = False
    for begin, stop in found:
        empty = all(kind(char) == "blank" for char in text[begin:stop])
        if open_ and not empty:
            joined[-1] = (joined[-1][0], stop)
        elif not empty:
            joined.append((begin, stop))
        open_ = not empty
    return joined


def cut(text: str, begin: int, end: int, longest: int) -> list[tuple[int, int]]:
    """A sentence in pieces of no more than `longest` characters."""
    if not 0 < longest < end - begin:
        return [(begin, end)]
    kinds = ["blank" if kind(char) == "break" else kind(char) for char in text]
    late = [k for k in range(begin + 1, begin + longest + 1) if 2 * (k - begin) > longest]
    blanks = [k for k in range(begin + 1, begin + longest + 1) if kinds[k] == "blank"]
    clauses = [k for k in late if kinds[k] == "blank" and kinds[k - 1] in ("semicolon", "comma", "colon")]
    starts = {word.begin + 0: word.text for word in words_of(text[:end])}
    joining = [k for k in late if kinds[k - 1] == "blank" and WORDS.get(starts.get(k)) in ("goes_on", "conjunction")]
    whole = [k for k in range(begin + 1, begin + longest + 1) if kinds[k] not in ("mark", "picture")]
    place = next((places[-1] for places in (clauses, joining, blanks, whole) if places), begin + longest)
    rest = place
    while kinds[rest] == "blank":
        rest += 1
    while kinds[place - 1] == "blank":
        place -= 1
    return [(begin, place), *cut(text, rest, end, longest)]


def spans(text: str, rules: Rules) -> list[tuple[int, int]]:
    """The spans of a text's sentences."""
    found = [
        (begin + a, begin + b)
        for begin, end in lines(text, rules.wrapped)
        for a, b in Line(text[begin:end], rules).spans()
    ]
    return [piece for begin, end in found for piece in cut(text, begin, end, rules.longest)]


def split(text: str, rules: Rules | None = None) -> list[str]:
    """The sentences of a text."""
    return [text[begin:end] for begin, end in spans(text, rules or Rules())]

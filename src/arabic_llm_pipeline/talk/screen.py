"""Text of either direction on a terminal.

Where somebody looks (a terminal), each line stands in Unicode isolates (UAX 9): it runs in its own direction, and turns
nothing beside it around. What goes into a file or a pipe has none. Control characters of a model's text are not passed
on: a terminal obeys some of them.
"""

import re
import textwrap
import unicodedata
from typing import TextIO

FSI, PDI = "\u2068", "\u2069"  # FIRST STRONG ISOLATE, POP DIRECTIONAL ISOLATE
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # C0 without tab and newline, C1, bidi
GAP = " \u2502 "  # BOX DRAWINGS LIGHT VERTICAL
LEAST_WIDTH = 60  # of two columns


class Lines:
    """Writes pieces of text as they come, each line isolated where it is wanted."""

    def __init__(self, out: TextIO):
        self.out, self.isolates, self.open = out, out.isatty(), False

    def write(self, text: str) -> None:
        """Some letters, whatever lines they belong to."""
        for part in re.split("(\n)", CONTROL.sub("", text)):
            if part == "\n":
                self.close()
                self.out.write(part)
            elif part:
                if self.isolates and not self.open:
                    self.out.write(FSI)
                    self.open = True
                self.out.write(part)
        self.out.flush()

    def close(self) -> None:
        """End a line that is begun."""
        if self.open:
            self.out.write(PDI)
            self.open = False


def right_to_left(text: str) -> bool:
    """Whether the first letter with a direction runs from right to left, as the isolate has it."""
    kinds = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L") != "L"


def beside(left: str, right: str, width: int) -> str:
    """Two texts in columns, each line in its own direction: what runs right to left begins at the right.

    Args:
        left: with its heading.
        right: likewise.
        width: cells of the terminal.
    """
    cell = (width - len(GAP)) // 2
    columns = [_wrapped(text, cell) for text in (left, right)]
    rows = max(map(len, columns))
    padded = [column + [""] * (rows - len(column)) for column in columns]
    return "\n".join(GAP.join(_cell(line, cell) for line in row) for row in zip(*padded, strict=True))


def _wrapped(text: str, width: int) -> list[str]:
    lines = CONTROL.sub("", text).expandtabs(4).splitlines() or [""]
    return [part for line in lines for part in (textwrap.wrap(line, width) or [""])]


def _cell(line: str, width: int) -> str:
    from rich.cells import cell_len

    space = " " * max(0, width - cell_len(line))
    shown = f"{FSI}{line}{PDI}" if line else ""
    return space + shown if right_to_left(line) else shown + space

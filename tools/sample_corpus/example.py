"""One exercise of a family: what is asked, and its right answer in two forms."""

from dataclasses import dataclass
from functools import cache

from words import rows


@cache
def _full_forms() -> dict[str, str]:
    return dict(rows("full_forms"))


@dataclass(frozen=True)
class Example:
    """An instruction, the text that it is about (empty where the instruction holds it), and the answer."""

    family: str
    dialect: str
    instruction: str
    text: str
    answer: str

    @property
    def prompt(self) -> str:
        """Instruction and text as one message."""
        return f"{self.instruction}\n{self.text}" if self.text else self.instruction

    @property
    def terse(self) -> str:
        """The answer alone: no sentence, no full stop."""
        return self.answer

    @property
    def full(self) -> str:
        """The answer in a whole sentence, which ends in a full stop."""
        return _full_forms()[self.family].format(x=self.answer)


def phrased(family: str, row: list[str], answer: str, **slots: str) -> Example:
    """An exercise from a row of a phrase table: dialect, instruction, and perhaps a text."""
    dialect, instruction, *text = (cell.format(**slots) for cell in row)
    return Example(family, dialect, instruction, "".join(text), answer)

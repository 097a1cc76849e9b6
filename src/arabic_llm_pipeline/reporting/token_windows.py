"""What training reads, as a page: windows of the stores back to text, what is not learned in grey."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from arabic_llm_pipeline.reporting.templating import environment
from arabic_llm_pipeline.tokens.windows import Shown, shown


@dataclass(frozen=True)
class Page:
    """The page as HTML; a notebook shows it in a frame of its own."""

    html: str

    def __str__(self) -> str:
        return self.html

    def _repr_html_(self) -> str:
        frame = 'style="width:100%;height:40rem;border:0" sandbox title="windows of the token store"'
        return f'<iframe srcdoc="{escape(self.html)}" {frame}></iframe>'


def render(stores: Sequence[Shown]) -> str:
    """The page, which needs nothing else."""
    return environment().get_template("token_windows.html").render(stores=[store for store in stores if store.windows])


def show(store: str | Path, tokenizer: str | Path, split: str = "train", each: int = 2, seed: int = 0) -> Page:
    """Windows of a store of documents, pairs or feedback, for a cell of a notebook.

        show("data/05_model_input/document_tokens/default", "data/05_model_input/tokenizer/default")

    Args:
        store: its directory.
        tokenizer: directory of the tokenizer that it was made with.
        split: which one.
        each: windows of each source and dialect.
        seed: of which these are.

    Raises:
        UserError: there is no such split, it is damaged, or was made with another tokenizer.
    """
    return Page(render([shown(Path(store), Path(tokenizer), split, each, seed)]))

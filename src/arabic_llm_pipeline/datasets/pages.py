"""Pages in the catalog: HTML, which kedro viz can show."""

import re

from kedro_datasets._typing import HTMLPreview
from kedro_datasets.text import TextDataset

BODY = re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL)
UNSHOWN = re.compile(
    r"<(style|script)\b.*?</\1>", re.DOTALL
)  # kedro viz takes scripts away; style would become its own


class Page(TextDataset):
    """A page as its text."""

    def preview(self) -> HTMLPreview:
        """What the page says, for kedro viz; in plain type, as it has a style of its own."""
        text = self.load()
        found = BODY.search(text)
        return HTMLPreview(UNSHOWN.sub("", found[1] if found else text).strip())

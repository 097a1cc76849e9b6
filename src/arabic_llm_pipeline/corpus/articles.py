"""Articles as instructions: the title becomes a question, the beginning of the text its answer.

So the paper on Qwen2-1.5B in 4 GB of GPU memory did with its 1,205,403 articles: three patterns, 1,000 characters. Ours
end with a sentence: what is cut in the middle of a word teaches a model to stop there.
"""

import zlib
from functools import cache
from importlib.resources import files
from typing import Any

from arabic_llm_pipeline.corpus.records import RefusedError, message

ANSWER_CHARACTERS = 1000
TITLE = "{title}"


@cache
def patterns() -> list[str]:
    """Ways to ask about a title."""
    text = (files("arabic_llm_pipeline.corpus") / "article_questions.tsv").read_text(encoding="utf-8")
    return text.splitlines()[1:]


def article(row: dict[str, Any], how: str) -> dict[str, Any]:
    """A piece of prose as a source wants it: `prose`, or `questions`, an instruction made of it.

    Raises:
        RefusedError: it has no title to ask about, or no text beyond it.
    """
    return _questioned(row) if how == "questions" else row


def _questioned(row: dict[str, Any]) -> dict[str, Any]:
    """The pattern is chosen by the title, the same in every run."""
    title = (row.get("title") or "").strip()
    if not title:
        raise RefusedError("missing_title")
    pattern = patterns()[zlib.crc32(title.encode()) % len(patterns())]
    answer = beginning(row["messages"][0]["content"].removeprefix(title).strip())
    if not answer:
        raise RefusedError("empty_text")
    asked = message("user", pattern.replace(TITLE, title))
    return row | {"kind": "instruction", "messages": [asked, message("assistant", answer)]}


def beginning(text: str) -> str:
    """The first sentences of a text, no more than 1,000 characters; of a longer sentence its first words."""
    if len(text) <= ANSWER_CHARACTERS:
        return text
    from arabic_llm_pipeline.arabic.sentences import Segmentation, sentence_spans  # numba: only who asks waits

    how = Segmentation(semicolon=False)  # an answer that stops at a semicolon sounds broken off
    ends = [end for _, end in sentence_spans(text[: 2 * ANSWER_CHARACTERS], how) if end <= ANSWER_CHARACTERS]
    return text[: ends[-1]].rstrip() if ends else text[:ANSWER_CHARACTERS].rpartition(" ")[0]

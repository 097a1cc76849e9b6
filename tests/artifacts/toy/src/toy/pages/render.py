"""A page from its template."""

from pathlib import Path


def render(**values: object) -> str:
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return template.format(**values)

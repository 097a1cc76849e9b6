"""The data card: what a corpus is, where it comes from, what was taken out, and what it may still hold.

Its facts are plain values (`facts`), its page Markdown with the header that the Hugging Face hub reads: YAML between
two lines of dashes (https://huggingface.co/docs/hub/datasets-cards). Everything from outside is escaped.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from arabic_llm_pipeline.artifacts.digests import plain as without_neutral
from arabic_llm_pipeline.artifacts.origin import origin
from arabic_llm_pipeline.corpus.funnel import FUNNEL
from arabic_llm_pipeline.corpus.records import RECORDS, SPLITS
from arabic_llm_pipeline.evaluation.statistics import wilson
from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.reporting.view import flat

LANGUAGES = {"MSA": "ar", "EGY": "arz", "GLF": "afb", "LEV": "apc", "MGR": "ary"}  # ISO 639-3, and 639-1 for Arabic
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
         (10**8, "10M<n<100M"), (10**9, "100M<n<1B"))  # fmt: skip
LARGEST = "n>1B"
TASKS = {"documents": "text-generation", "items": "question-answering"}
# Licences as the hub calls them; the name of any other stands in the table of sources.
LICENCES = {
    "apache-2.0", "mit", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "odc-by", "odbl", "bsd", "wtfpl", "unlicense",
}  # fmt: skip
UNKNOWN = {"not-stated", "unknown", "none"}
LIBRARIES = ("python", "polars", "pyarrow", "numba")  # that touch the text
DUPLICATES = ("duplicate", "near_duplicate", "in_evaluation", "overlaps_evaluation", "near_evaluation")
ROWS = ("rows", "looked_at", "toxic")
MENTIONED = 20  # groups that the page shows, those first that are mentioned most
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!$])")
LIMITS = (
    "Dialects of records whose source does not tell them are tagged by a linear model over letters and words; short "
    "texts and neighbouring dialects are often confused.",
    "Personal data are found by patterns and check digits. Names, addresses of houses and local telephone numbers "
    "without a word before them are not looked for.",
    "Toxicity is told by a list of words or by a classifier of tweets and comments. Both miss most indirect abuse, and "
    "take quotations and subjects (zoology, history, law) for abuse.",
    "Mentions of groups are counted by a list of names; a name with another meaning is counted, and who is meant only "
    "by context is not.",
    "Licences are those that the configuration states of each source; nobody looked for text of other origin inside.",
)


def facts(
    settings: Mapping[str, Any],
    seed: int,
    funnel: Sequence[Mapping[str, Any]],
    audit: pl.DataFrame,
    groups: pl.DataFrame,
) -> dict[str, Any]:
    """All that the card says, as JSON takes it.

    Args:
        settings: parameter models by name: card, sources, and those of the filters.
        seed: of random choices.
        funnel: what became of every record.
        audit: the table of `corpus.audit`, with shares.
        groups: mentions of groups.
    """
    frame = pl.DataFrame(list(funnel), schema=FUNNEL)
    kept = frame.filter(step="split")
    filters = {name: value for name, value in settings.items() if name not in ("card", "sources")}
    return {
        "name": settings["card"].name,
        "summary": settings["card"].summary,
        "header": header(settings["card"].name, kept, [source["licence"] for source in sources(settings, frame)]),
        "sources": sources(settings, frame),
        "funnel": _sums(frame, "records", "step", "outcome"),
        "reasons": _sums(frame.filter(pl.col("outcome") != "kept"), "step", "outcome", "reason"),
        "duplicates": {reason: _rows(frame.filter(reason=reason)) for reason in DUPLICATES},
        "splits": {
            table: {split: _rows(kept.filter(records=table, split=split)) for split in SPLITS} for table in RECORDS
        },
        "dialects": _sums(kept, "records", "dialect"),
        "scripts": _sums(kept, "records", "script"),
        "personal_data": personal_data(settings["pii"], audit),
        "toxicity": toxicity(audit),
        "groups": groups.head(MENTIONED).to_dicts(),
        "parameters": {name: without_neutral(value) for name, value in filters.items()},
        "seeds": {"seed": seed, "splits.seed": settings["splits"].seed},
        "versions": {name: version for name, version in origin()["versions"].items() if name in LIBRARIES},
        "limits": list(LIMITS),
    }


def header(name: str, kept: pl.DataFrame, licences: Sequence[str]) -> dict[str, Any]:
    """What the hub reads of the card."""
    tables = [table for table in RECORDS if table in kept["records"]]
    spoken = {LANGUAGES[dialect] for dialect in kept["dialect"].unique() if dialect in LANGUAGES}
    return {
        "pretty_name": name,
        "language": sorted({"ar", *spoken}, key=list(LANGUAGES.values()).index),
        "license": sorted({licence_id(licence) for licence in licences}) or ["unknown"],
        "size_categories": [size_category(_rows(kept))],
        "task_categories": [TASKS[table] for table in tables if table in TASKS] or ["text-generation"],
        "configs": [{"config_name": table, "data_files": f"{table}/*.parquet"} for table in tables],
    }


def licence_id(licence: str) -> str:
    """A licence as the hub calls it: `other` for one that it does not know, `unknown` where none is stated."""
    name = re.sub(r"[\s_]+", "-", licence.strip().lower())
    return "unknown" if name in UNKNOWN else name if name in LICENCES else "other"


def size_category(rows: int) -> str:
    """The hub's class of a number of records."""
    return next((name for limit, name in SIZES if rows < limit), LARGEST)


def sources(settings: Mapping[str, Any], funnel: pl.DataFrame) -> list[dict[str, Any]]:
    """What the configuration says of each source, and what became of its records."""
    chosen, found = settings["sources"].chosen(), []
    for name, source in chosen.items():
        own = funnel.filter(source=name)
        counts = {out: _rows(own.filter(outcome=out)) for out in ("dropped", "left_out", "rejected")}
        kept = own.filter(step="split")
        about = {"name": name, "licence": source.licence, "format": source.format}
        found.append(about | {"kept": _rows(kept), "words": int(kept["words"].sum())} | counts)
    return found


def personal_data(policy: Settings, audit: pl.DataFrame) -> dict[str, Any]:
    """For each kind what was done to it, and how often it was found, masked or not, in the rows looked at."""
    kinds = type(policy).model_fields
    return {kind: {"policy": getattr(policy, kind), "found": int(audit[kind].sum())} for kind in kinds}


def toxicity(audit: pl.DataFrame) -> dict[str, Any]:
    """The share of toxic rows among those looked at, with its interval, of all and by source."""
    by = audit.group_by("source").agg(pl.col(ROWS).sum()).sort("source")
    every = tuple(int(audit[name].sum()) for name in ROWS)
    return {"all": _share("all", *every), "sources": [_share(*row) for row in by.rows()]}


def _share(source: str, rows: int, seen: int, toxic: int) -> dict[str, Any]:
    low, high = wilson(toxic, seen) or (None, None)
    share = toxic / seen if seen else None
    counts = {"source": source, "rows": rows, "looked_at": seen, "toxic": toxic}
    return counts | {"toxic_share": share, "toxic_low": low, "toxic_high": high}


def _rows(funnel: pl.DataFrame) -> int:
    return int(funnel["rows"].sum())


def _sums(funnel: pl.DataFrame, *by: str) -> list[dict[str, Any]]:
    """Rows and words of parts of the funnel, in the order of their names."""
    sums = funnel.group_by(by, maintain_order=True).agg(pl.col("rows", "words").sum())
    return sums.to_dicts()


def markdown(facts: Mapping[str, Any]) -> str:
    """The card's page; its header is what `facts` has under that name."""
    return page("card.md", facts["header"], facts)


def page(template: str, header: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """A template of this room filled with facts, below a header of YAML."""
    environment = Environment(
        loader=PackageLoader("arabic_llm_pipeline.reporting"),
        undefined=StrictUndefined,
        finalize=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=percent, digits=digits, settings=flat)
    head = yaml.safe_dump(dict(header), allow_unicode=True, sort_keys=False)
    return f"---\n{head}---\n\n" + environment.get_template(template).render(**facts)


def escaped(value: Any) -> Any:
    """A value in a page of Markdown: no character of it is mark-up, and it stays on its line."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return MARKDOWN.sub(r"\\\1", " ".join(str(value).split())).replace("&", "&amp;")


def percent(share: float | None) -> str:
    """A share with two digits of percent; nothing where there is none."""
    return "" if share is None else f"{100 * share:.2f} %"


def digits(value: float | None) -> str:
    """A figure with four digits that count."""
    return "" if value is None else f"{value:.4g}"

"""What a chain of stages, each on a dialect of its own, leaves of MSA: forgotten is what the best stage before had.

Forgetting as Chaudhry et al. 2018 (arXiv 1801.10112) have it, against the best before and not the last, in bits a byte
of held-out prose instead of accuracy; tested document by document as `paired` does.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation.held_out import TAGGED
from arabic_llm_pipeline.evaluation.paired import paired
from arabic_llm_pipeline.evaluation.perplexity import COMPARED, MEASURE, SETS
from arabic_llm_pipeline.recipes import BASE, chain_of, stage

TESTED = ("difference", "low", "high", "p", "p_holm")
FORGETTING = pl.Schema(
    {
        "group": pl.String,  # of documents
        "chain": pl.String,  # the last candidate along it
        "candidate": pl.String,  # in the order of training, the base first
        "documents": pl.Int64,
        "bits_per_byte": pl.Float64,
        "best_before": pl.String,  # none for the first
        **dict.fromkeys(TESTED, pl.Float64),  # this less the best before: above 0, it was forgotten
    }
)
GROUPS = ("MSA", TAGGED.format("MSA"))  # by what sources say, and by our tagger, which errs
Values = Mapping[str, pl.DataFrame]
Row = dict[str, Any]


def forgotten(values: Values, resamples: int, seed: int) -> pl.DataFrame:
    """Rows of `FORGETTING`, a row a candidate of each chain that has stages on several dialects; none without one.

    `p_holm` allows for the tests of one chain and group of documents.

    Args:
        values: rows of `results.VALUES` of held-out prose, by candidate.
        resamples: of the bootstrap over documents.
        seed: of the bootstrap.
    """
    rows = [row for group in GROUPS for row in _of_group(group, values, resamples, seed)]
    return pl.DataFrame(rows, schema=FORGETTING)


def chains(candidates: Sequence[str]) -> list[list[str]]:
    """The candidates along each chain with stages on two dialects or more, from the base on."""
    lines = [[BASE, *_beginnings(name, candidates)] for name in candidates if len(_dialects(name)) > 1]
    return [line for line in lines if not any(set(line) < set(other) for other in lines)]


def _beginnings(candidate: str, candidates: Sequence[str]) -> list[str]:
    labels = chain_of(candidate)
    found = [name for name in candidates if name != BASE and labels[: len(chain_of(name))] == chain_of(name)]
    return sorted(found, key=lambda name: len(chain_of(name)))


def _dialects(candidate: str) -> set[str]:
    """The dialects that stages of a candidate were trained on, each by itself."""
    chosen = (stage(label).settings.get("selection", {}).get("dialects", ()) for label in chain_of(candidate))
    return {dialects[0] for dialects in chosen if len(dialects) == 1}


def _of_group(group: str, values: Values, resamples: int, seed: int) -> Iterator[Row]:
    """The rows of each chain that is measured on the documents of a group."""
    known = {name: _of(group, frame) for name, frame in values.items()}
    for line in chains(list(values)):
        there = [name for name in line if len(known[name])]
        if len(there) > 1:
            about = {"group": group, "chain": line[-1]}
            yield from (about | row for row in _along(there, known, resamples, seed))


def _of(group: str, values: pl.DataFrame) -> pl.DataFrame:
    wanted = values.filter(dialect=group, measure=MEASURE, metric=COMPARED, set=SETS["text"])
    return wanted.filter(pl.col("value").is_finite(), pl.col("weight").is_finite())


def _along(line: Sequence[str], known: Values, resamples: int, seed: int) -> Iterator[Row]:
    bits = {name: float(known[name]["value"].sum()) / float(known[name]["weight"].sum()) for name in line}
    best = {name: min(line[:place], key=bits.__getitem__) for place, name in enumerate(line) if place}
    tests = paired({name: known[name] for name in line}, resamples, seed, [(a, b) for b, a in best.items()])
    found = {row["b"]: row for row in tests.to_dicts()}
    for name in line:
        test = {key: found[name][key] for key in TESTED} if name in found else {}
        documents = known[name]["id"].n_unique()
        about = {"candidate": name, "documents": documents, "bits_per_byte": bits[name]}
        yield about | {"best_before": best.get(name)} | test

"""How often a candidate wins against another one, both orders asked, as a judge prefers what it reads first or last."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation.held_out import drawn
from arabic_llm_pipeline.evaluation.judging.judges import Duel, Judge
from arabic_llm_pipeline.evaluation.results import ALL, VALUES, harness, missing, score_rows, score_table
from arabic_llm_pipeline.evaluation.writing.items import FREE, RULES
from arabic_llm_pipeline.parameters.judge import JudgeSettings

WIN_RATE, AGAINST = "win_rate", "against"
SETS = (FREE, RULES)  # measures whose answers are compared: others have one right answer
SHARES = ("agrees", "unread")
NO_JUDGE = "no judge is declared: set judge.directory, or judge.address and judge.name"
VERDICTS = pl.Schema(
    {
        "against": pl.String,
        "set": pl.String,
        "id": pl.String,
        "dialect": pl.String,
        "family": pl.String,
        "answer": pl.String,
        "other": pl.String,
        "first": pl.Float64,  # how sure the judge is of the candidate's answer where it reads that first
        "last": pl.Float64,  # and where it reads it last; null: no verdict could be read
        "score": pl.Float64,  # 1: better in both orders, 0: worse in both, 0.5: equal texts, or the orders disagree
    }
)


def wins(
    name: str,
    written: pl.DataFrame,
    others: Mapping[str, pl.DataFrame],
    judge: Judge | None,
    settings: JudgeSettings,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores (`results.SCORES`, by `against`) and verdicts (`VERDICTS`) of a candidate against others.

    Args:
        name: the candidate.
        written: its answers, from `writing.candidate`.
        others: answers of each of the others to the same items.
        judge: who says; None: nobody.
        settings: how many answers.
        seed: of what is drawn.
    """
    if judge is None:
        return score_table([missing(WIN_RATE, ALL, WIN_RATE, NO_JUDGE)]), VERDICTS.to_frame()
    frames = [_judged(other, written, answers, judge, settings, seed) for other, answers in others.items()]
    verdicts = pl.concat(frames) if frames else VERDICTS.to_frame()
    about = {"harness": f"{harness()}, judge: {judge.name}", "decoding": "both orders"}
    rows = []
    for (against,), part in verdicts.group_by("against", maintain_order=True):
        found = score_rows(_values(part), settings.resamples, seed, shares=SHARES, about=about)
        rows += [_against(row, str(against)) for row in found]
    if not rows:
        rows = [
            missing(WIN_RATE, ALL, WIN_RATE, f"no free answer that {name} and another candidate were both asked for")
        ]
    return score_table(rows), verdicts


def score(first: float | None, last: float | None) -> float:
    """1 for an answer that is preferred in both orders, 0 for one that is in neither, 0.5 for all else."""
    if first is None or last is None or (first > 0.5) != (last > 0.5) or 0.5 in {first, last}:
        return 0.5
    return float(first > 0.5)


def _judged(
    other: str, written: pl.DataFrame, answers: pl.DataFrame, judge: Judge, settings: JudgeSettings, seed: int
) -> pl.DataFrame:
    if not (len(written) and len(answers)):
        return VERDICTS.to_frame()
    asked = written.filter(pl.col("measure").is_in(SETS)).join(
        answers.select("id", "measure", other="generated"), on=["id", "measure"]
    )
    rows = drawn(asked.lazy(), "set", settings.items, seed).to_dicts()
    both = [row for row in rows if row["generated"].strip() != row["other"].strip()]
    verdicts = judge.verdicts([duel for row in both for duel in _duels(row)])
    found = dict(zip((row["id"] for row in both), _pairs(verdicts), strict=True))
    made = [_verdict(other, row, *found.get(row["id"], (0.5, 0.5))) for row in rows]
    return pl.DataFrame(made, schema=VERDICTS)


def _duels(row: Mapping[str, Any]) -> tuple[Duel, Duel]:
    prompt, answer, other = row["prompt"], row["generated"], row["other"]
    return Duel(prompt, answer, other), Duel(prompt, other, answer)


def _pairs(verdicts: Sequence[float | None]) -> list[tuple[float | None, float | None]]:
    """Of each item the judge's sureness of the candidate's answer, read first and read last."""
    turned = [None if last is None else 1 - last for last in verdicts[1::2]]
    return list(zip(verdicts[::2], turned, strict=True))


def _verdict(other: str, row: Mapping[str, Any], first: float | None, last: float | None) -> dict[str, Any]:
    told = {name: row[name] for name in ("set", "id", "dialect", "family")}
    texts = {"answer": row["generated"], "other": row["other"]}
    return {"against": other, **told, **texts, "first": first, "last": last, "score": score(first, last)}


def _values(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Rows of `results.VALUES`: the score; how the orders went, of answers that differ."""
    rows = []
    for row in verdicts.iter_rows(named=True):
        about = {"measure": WIN_RATE, "set": row["set"], "id": row["id"], "dialect": row["dialect"]}
        about |= {"family": row["family"], "weight": 1.0}
        rows.append(about | {"metric": WIN_RATE, "value": row["score"]})
        if row["answer"].strip() == row["other"].strip():
            continue
        read = row["first"] is not None and row["last"] is not None
        rows.append(about | {"metric": "unread", "value": float(not read)})
        if read:
            rows.append(about | {"metric": "agrees", "value": float((row["first"] > 0.5) == (row["last"] > 0.5))})
            orders = ((row["first"] > 0.5) + (row["last"] < 0.5)) / 2  # of both, how often what stood first won
            rows.append(about | {"metric": "first_wins", "value": orders})
    return pl.DataFrame(rows, schema=VALUES)


def _against(row: Mapping[str, Any], other: str) -> dict[str, Any]:
    """The other candidate as the group; by dialect and family it stands beside it."""
    whole = row["by"] == ALL
    return {
        **row,
        "by": AGAINST if whole else f"{AGAINST} {other}: {row['by']}",
        "group": other if whole else row["group"],
    }

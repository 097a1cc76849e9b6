"""Fit the weights of the dialect markers (arabic/data/dialect_markers.tsv) to labelled sentences.

The forms and the regions that use them are written by hand; that is the prior. This adds what sentences say: a
multinomial logistic regression over the markers, each weight pulled towards its prior. Needs scipy.

    python tools/fit_dialect_markers.py LABELLED.tsv

LABELLED.tsv has the columns `set`, `label` (MSA, EGY, GLF, LEV, MGR) and `text`, a header, no quoting.
"""

import argparse
import csv
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, diags, hstack

from arabic_llm_pipeline.arabic import dialect, lexicon
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series

TABLE = Path(lexicon.__file__).parent / "data" / "dialect_markers.tsv"
PRIOR_WORD, PRIOR_AFFIX, PRIOR_MSA, SHARED = 2.0, 0.5, 0.5, 1.3  # a form of several regions says less of each
STRENGTH = 2.0  # of the pull towards the prior
PER_SET, PER_LABEL = 1500, 4000  # sentences that one set may count for, and one label in all
MSA_TIMES = 2  # the standard language is what is expected where nothing speaks for a dialect
REGIONS = dialect.REGIONS


def hits(words: list[str], index: dict[str, int]) -> tuple[list[int], int]:
    """The markers in a text, and how many words have none. The same rules as the kernel (tests compare them)."""
    found, unmarked = [], 0
    for word in words:
        whole = index.get(word)
        if whole is None and len(word) >= 3 and word[0] in dialect.CONJUNCTIONS:
            whole = index.get(word[1:])
        stem = word[1:] if word[0] == dialect.CONJUNCTIONS[0] and len(word) >= 4 else word
        of_word = [whole] if whole is not None else [index[p] for p in patterns(stem) if p in index]
        found += of_word
        unmarked += not of_word
    return found, unmarked


def patterns(stem: str) -> list[str]:
    """The affix patterns that a word has, at least two letters left between them."""
    size = len(stem)
    prefixes = [stem[:p] + "*" for p in range(1, 5) if size - p >= 2]
    suffixes = ["*" + stem[-s:] for s in range(1, 4) if size - s >= 2]
    both = [f"{stem[:p]}*{stem[-s:]}" for p in (1, 2) for s in (1, 2) if size - p - s >= 2]
    return prefixes + suffixes + both


def prior(rows: list[dict[str, str]]) -> np.ndarray:
    """What the hand-written regions say of each form, one row a form, centred."""
    weights = np.zeros((len(rows), len(REGIONS)))
    for number, row in enumerate(rows):
        regions = row["regions"].split(",")
        for region in regions:
            strength = PRIOR_AFFIX if "*" in row["form"] else PRIOR_WORD
            weight = PRIOR_MSA if region == "MSA" else strength / (SHARED if len(regions) > 1 else 1)
            weights[number, REGIONS.index(region)] = weight
    return weights - weights.mean(axis=1, keepdims=True)


def design(texts: pl.Series, index: dict[str, int]) -> csr_matrix:
    """Markers and unmarked words of each text, as dialect.py weighs them; the last column is the constant."""
    rows, columns, values, scale, unmarked = [], [], [], [], []
    for number, text in enumerate(clean_series(texts, MATCHING_KEY)):
        words = [word for word in text.split() if any(dialect.is_arabic(char) for char in word)]
        found, missed = hits(words, index)
        for column, count in Counter(found).items():
            rows.append(number)
            columns.append(column)
            values.append(count)
        scale.append(min(1.0, (dialect.FULL_WEIGHT_WORDS / max(len(words), 1)) ** 0.5))
        unmarked.append([min(missed, dialect.MAX_UNMARKED) * scale[-1], 1.0])
    counts = csr_matrix((values, (rows, columns)), shape=(len(texts), len(index)))
    return hstack([diags(scale) @ counts, csr_matrix(unmarked)]).tocsr()


def sentence_weights(frame: pl.DataFrame) -> np.ndarray:
    """So that no set and no label drowns the others."""
    frame = frame.with_columns(
        w=pl.min_horizontal(pl.len().over("set", "label"), PER_SET) / pl.len().over("set", "label")
    )
    total = pl.when(pl.col("label") == "MSA").then(MSA_TIMES * PER_LABEL).otherwise(PER_LABEL)
    return frame.select(pl.col("w") / pl.col("w").sum().over("label") * total).to_series().to_numpy()


def fit(matrix: csr_matrix, labels: np.ndarray, weights: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The most likely weights. Unmarked words and the constant may speak for the standard language only."""
    shape = (before.shape[0] + 2, before.shape[1])
    start = np.vstack([before, np.zeros((2, shape[1]))])
    pull = np.vstack([np.full_like(before, STRENGTH), np.zeros((2, shape[1]))])
    wanted = np.eye(shape[1])[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        now = flat.reshape(shape)
        logits = matrix @ now
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        shares /= shares.sum(axis=1, keepdims=True)
        value = -(weights * np.log((shares * wanted).sum(axis=1) + 1e-12)).sum()
        gradient = matrix.T @ ((shares - wanted) * weights[:, None]) + pull * (now - start)
        gradient[-2:, 1:] = 0
        return value + (pull * (now - start) ** 2).sum() / 2, gradient.ravel()

    return minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 150}).x.reshape(shape)


def main() -> None:
    """Read the labelled sentences, fit, rewrite the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", type=Path)
    frame = pl.read_csv(parser.parse_args().labelled, separator="\t", quote_char=None)
    rows = [row for row in lexicon.read_table(TABLE.name) if row["form"] not in dialect.CONSTANTS]
    index = {row["form"]: number for number, row in enumerate(rows)}
    labels = np.array([REGIONS.index(label) for label in frame["label"]])
    weights = fit(design(frame["text"], index), labels, sentence_weights(frame), prior(rows))
    comments = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        file.writelines(line + "\n" for line in comments)
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
        writer.writerow(["form", "regions", *REGIONS])
        names = [(row["form"], row["regions"]) for row in rows] + [(name, "MSA") for name in dialect.CONSTANTS]
        for (form, regions), row_weights in zip(names, weights, strict=True):
            writer.writerow([form, regions, *(f"{value:.2f}" for value in row_weights)])


if __name__ == "__main__":
    main()

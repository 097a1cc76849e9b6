"""Ways to make a tokenizer, beside each other."""

import polars as pl
from matplotlib.figure import Figure

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.plots import Series


def plot(table: pl.DataFrame) -> Figure:
    """Bits a character that a small model needs with each tokenizer, with intervals; fewer are better."""
    names = table["tokenizer"].to_list()
    bounds = list(zip(table["low"], table["high"], strict=True))
    series = [Series("small model", table["bits_per_character"].to_list(), bounds)]
    return plots.dots(names, series, "bits a character of held-out text", "Tokenizers of one size on the same text")

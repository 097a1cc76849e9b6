"""New text with some of what was known before beside it, so that this is not forgotten."""

from pathlib import Path
from typing import Any

import numpy as np

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import CptSettings, DocumentLoopSettings
from arabic_llm_pipeline.tokens.mixture import turns
from arabic_llm_pipeline.tokens.store import Ints
from arabic_llm_pipeline.training.batches import DocumentRows
from arabic_llm_pipeline.training.schedule import lay_out

REPLAYED = 1  # beside the seed, for rows that come again


class ReplayedRows(DocumentRows):
    """Rows of documents, and in each pass so many rows of others that these are `replay.share` of it.

    No row is of both; those that are replayed take turns from pass to pass. (Ibrahim et al. 2024, arXiv 2403.08763: a
    share of each batch is of the data before.)
    """

    def __init__(self, directory: Path, settings: CptSettings, vocabulary: int, seed: int):
        """As of rows of documents.

        Raises:
            UserError: there is nothing to be replayed, or what is raised there.
        """
        self.replay = settings.replay
        self.replayed: list[int] = []  # rows that come again, of each pass
        super().__init__(directory, settings, vocabulary, seed)

    def about(self) -> dict[str, Any]:
        """As of rows of documents, and what is replayed in the first pass."""
        about = super().about()
        if not self.replay.share:
            return about
        again = self.rows[self.passes[0] - self.replayed[0] : self.passes[0]]
        tokens = sum(int(self.pieces.length[row].sum()) for row in again)
        return {**about, "replayed_rows": len(again), "replayed_share": round(tokens / about["tokens"], 4)}

    def _further(self, settings: DocumentLoopSettings) -> Ints:
        if not self.replay.share:
            return super()._further(settings)
        others = np.setdiff1d(self._chosen(self.replay.selection), self.chosen)
        if not len(others):
            raise UserError(
                f"cpt.replay.share={self.replay.share}, and cpt.replay.selection ({self.replay.selection!r}) chooses "
                "no document but those that cpt.selection chooses anyway. Name sources, kinds or dialects there that "
                "are not named here, or set cpt.replay.share=0."
            )
        return others

    def _laid_out(self, settings: DocumentLoopSettings, seed: int) -> tuple[list[Ints], tuple[int, ...]]:
        if not self.replay.share:
            return super()._laid_out(settings, seed)
        places = np.arange(len(self.chosen), len(self.chosen) + len(self.further))
        others = self._in_rows(self.pieces.of(places), settings.packing)
        share = self.replay.share / (1 - self.replay.share)

        def make(number: int) -> list[Ints]:
            new = self._lay(number, settings.packing)
            weight = len(new) * share / len(others)
            again = turns(np.arange(len(others)), weight, [seed, REPLAYED], number)
            self.replayed.append(len(again))
            return new + [others[row] for row in again]

        return lay_out(make, settings, passes_differ=True)

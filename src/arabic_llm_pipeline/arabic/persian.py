"""Arabic written on a Persian or Urdu keyboard: letters that look the same and are other code points.

Keheh stands for Kaf, the Hehs of Urdu and Kurdish for Heh, Farsi Yeh for Yeh, and at the end of some words for Alef
Maksura: which these are is a list, since the letter itself does not say it. Letters for foreign sounds that Arabic has
none of its own for (Peh, Gaf, Tcheh, Jeh, Veh) stay.
"""

from functools import lru_cache
from itertools import product

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet, lexicon
from arabic_llm_pipeline.arabic.alphabet import ALEF, ALEF_MAKSURA, FARSI_YEH, HEH, KAF, KEHEH, LAM, YEH
from arabic_llm_pipeline.arabic.columns import TextColumn, from_series, frozen
from arabic_llm_pipeline.arabic.markup import replaced

LETTERS = {
    KEHEH: KAF,
    alphabet.SWASH_KAF: KAF,
    FARSI_YEH: YEH,
    alphabet.HEH_DOACHASHMEE: HEH,
    alphabet.HEH_GOAL: HEH,
    alphabet.AE: HEH,
    alphabet.TEH_MARBUTA_GOAL: alphabet.TEH_MARBUTA,
}
AND, TO, THE = "\N{ARABIC LETTER FEH}" + alphabet.WAW, "\N{ARABIC LETTER BEH}\N{ARABIC LETTER LAM}", ALEF + LAM
PREFIXES = ["".join(parts) for parts in product(("", *AND), ("", *TO), ("", THE))]


class FinalYeh:
    """Alef Maksura for a Farsi Yeh at the end of the words that are listed, with or without a prefix.

    Within a word a Keheh is read as Kaf, a Farsi Yeh as Yeh. A kernel, as patterns with bounds of words are slow. Texts
    that no pattern has to be searched for have it done by the table of code points, by the same tables of words.
    """

    hints: tuple[str, ...] = ()
    triggers = ""

    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """As what each code point is read in a word, 0 if it parts words; hashes of the words without the letter."""
        return _word_characters(), _stems()

    def apply(self, texts: pl.Series) -> pl.Series:
        """The texts with the letter in its place."""
        from arabic_llm_pipeline.arabic import words_kernel

        rows = np.flatnonzero(texts.str.contains(FARSI_YEH, literal=True).fill_null(False))
        if len(rows) == 0:
            return texts
        column = from_series(texts.gather(rows))
        data, offsets = words_kernel.alef_maksura(column.data, column.offsets, *self.tables())
        return replaced(texts, rows, TextColumn(data, offsets, column.valid).to_series())


FINAL_YEH = FinalYeh()


@lru_cache(maxsize=1)
def _stems() -> np.ndarray:
    """Sorted hashes of the words without their last letter, with every prefix."""
    words = [row["word"].removesuffix(ALEF_MAKSURA) for row in lexicon.read_table("alef_maksura_words.tsv")]
    hashes = [lexicon.word_hash(prefix + word) for prefix in PREFIXES for word in words]
    return frozen(np.unique(np.array(hashes, np.uint64)))


@lru_cache(maxsize=1)
def _word_characters() -> np.ndarray:
    """For each code point what it is in a word: 0 if it parts words, the letter it is read as, or itself."""
    found = np.where(alphabet.is_category("L", "M", "N", "Pc"), np.arange(alphabet.CODE_POINTS), 0)
    for char in alphabet.ZERO_WIDTH_JOINER + alphabet.ZERO_WIDTH_NON_JOINER:
        found[ord(char)] = ord(char)
    found[ord(KEHEH)], found[ord(FARSI_YEH)] = ord(KAF), ord(YEH)
    return frozen(found)

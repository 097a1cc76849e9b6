"""Arabic written on a Persian or Urdu keyboard: letters that look the same and are other code points.

Keheh stands for Kaf, the Hehs of Urdu and Kurdish for Heh, Farsi Yeh for Yeh, and at the end of some words for Alef
Maksura: which these are is a list, since the letter itself does not say it. Letters for foreign sounds that Arabic has
none of its own for (Peh, Gaf, Tcheh, Jeh, Veh) stay.
"""

from arabic_llm_pipeline.arabic import alphabet, lexicon
from arabic_llm_pipeline.arabic.alphabet import ALEF_MAKSURA, FARSI_YEH, HEH, KAF, KEHEH, YEH
from arabic_llm_pipeline.arabic.markup import Group

LETTERS = {
    KEHEH: KAF,
    alphabet.SWASH_KAF: KAF,
    FARSI_YEH: YEH,
    alphabet.HEH_DOACHASHMEE: HEH,
    alphabet.HEH_GOAL: HEH,
    alphabet.AE: HEH,
    alphabet.TEH_MARBUTA_GOAL: alphabet.TEH_MARBUTA,
}
PREFIXES = "[{waw}{feh}]?[{beh}{lam}]?(?:{alef}{lam})?".format(  # and, then; in, to; the
    waw=alphabet.WAW,
    feh="\N{ARABIC LETTER FEH}",
    beh="\N{ARABIC LETTER BEH}",
    lam="\N{ARABIC LETTER LAM}",
    alef=alphabet.ALEF,
)


def _words() -> str:
    """The words without their last letter, whichever Kaf they are written with."""
    words = [row["word"].removesuffix(ALEF_MAKSURA) for row in lexicon.read_table("alef_maksura_words.tsv")]
    return "|".join(word.replace(KAF, f"[{KAF}{KEHEH}]") for word in words)


FINAL_YEH = Group(  # Rust counts U+200C and U+200D to words, so that they stand before the end of one
    FARSI_YEH,
    (FARSI_YEH,),
    ((rf"\b({PREFIXES}(?:{_words()})){FARSI_YEH}([\u{{200c}}\u{{200d}}]*)\b", f"${{1}}{ALEF_MAKSURA}${{2}}"),),
)

"""Letters written many times for emphasis, as in speech that is drawn out.

No Arabic word has a long vowel three times in a row, so such a run is one. Of other letters three may be right (a
prefix before a stem that begins with two of them), four are not. A row of Hehs is laughter and keeps three.
"""

from arabic_llm_pipeline.arabic.alphabet import ALEF, ALEF_MAKSURA, HEH, WAW, YEH
from arabic_llm_pipeline.arabic.markup import Group

VOWELS = ALEF + WAW + YEH + ALEF_MAKSURA
CONSONANTS = "".join(map(chr, [*range(0x0628, 0x063B), *range(0x0641, 0x0647)]))  # Beh to Ghain, Feh to Noon
RUNS = {letter: (3, letter) for letter in VOWELS} | {letter: (4, letter) for letter in CONSONANTS} | {HEH: (4, 3 * HEH)}
SHORTENED = Group(
    tuple(letter * least for letter, (least, _) in RUNS.items()),
    tuple((f"{letter}{{{least},}}", shorter) for letter, (least, shorter) in RUNS.items()),
    triggers="".join(RUNS),
)

"""How much an answer says again: the disease of small models and of greedy search (Holtzman et al. 2020)."""

from collections.abc import Sequence

from arabic_llm_pipeline.evaluation.writing.items import Values

REPEATED_N = 4  # n-grams whose repetition counts, as in Welleck et al. 2020 (seq-rep-4)
LOOP_TIMES, LOOP_WORDS = 3, 6  # an answer loops if it ends in a run of words so many times, so many words in all
LONGEST_RUN = 20  # words


def score(words: Sequence[str]) -> Values:
    """Scores of one answer by its words.

    `distinct_1`, `distinct_2`: different n-grams among all (Li et al. 2016), within an answer. `repeated_4`: n-grams
    of 4 words that stood in the answer before. `loop`: it ends in the same words again and again.
    """
    unigrams, bigrams, longer = (ngrams(words, n) for n in (1, 2, REPEATED_N))
    return {
        "distinct_1": (float(len(set(unigrams))), float(len(unigrams))),
        "distinct_2": (float(len(set(bigrams))), float(len(bigrams))),
        "repeated_4": (float(len(longer) - len(set(longer))), float(len(longer))),
        "loop": (float(loops(words)), 1.0),
    }


def ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All runs of n words."""
    return [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]


def loops(words: Sequence[str]) -> bool:
    """Whether a text ends in the same run of words at least `LOOP_TIMES` times, at least `LOOP_WORDS` words in all.

    The last time may be cut short, and its last word, too, as an answer is that does not end by itself.
    """
    return any(_repeats(words, run) for run in range(1, LONGEST_RUN + 1))


def _repeats(words: Sequence[str], run: int) -> bool:
    same = int(run < len(words) and words[-1 - run].startswith(words[-1]))
    while same and same + run < len(words) and words[-1 - same] == words[-1 - same - run]:
        same += 1
    return same + run >= max(LOOP_TIMES * run, LOOP_WORDS)

"""What metrics are called, in which unit they are shown, and which of a kind of measure is looked at first."""

import re
from collections.abc import Mapping, Sequence

from arabic_llm_pipeline.evaluation.choices.asking import CLASSIFICATION
from arabic_llm_pipeline.evaluation.choices.tables import CULTURE, MULTIPLE_CHOICE
from arabic_llm_pipeline.evaluation.writing.items import FREE, QUESTIONS, RULES, TRANSLATION
from arabic_llm_pipeline.reporting.measured import Row
from arabic_llm_pipeline.reporting.view import words

PERPLEXITY, LM_EVAL = "perplexity", "lm_eval"
OF_LIKELIHOOD = (MULTIPLE_CHOICE, CLASSIFICATION, CULTURE)
TITLES = {
    MULTIPLE_CHOICE: "Multiple choice", CLASSIFICATION: "Classification", CULTURE: "Culture",
    QUESTIONS: "Questions on a text", TRANSLATION: "Translation", FREE: "Free answers", RULES: "Instructions",
    LM_EVAL: "Tasks of lm-eval", PERPLEXITY: "Held-out prose",
    "next_word": "Next word", "masked_word": "Word left out",
}  # fmt: skip
FIRST: Mapping[str, Sequence[str]] = {  # the first of these that a set has
    QUESTIONS: ("f1_squad",), TRANSLATION: ("chrf++", "chrf++_sentence"), FREE: ("rougeL",), RULES: ("prompt_strict",),
    LM_EVAL: ("acc", "exact_match", "f1"), PERPLEXITY: ("bits_per_byte",),
    "next_word": ("top_1",), "masked_word": ("accuracy",),
}  # fmt: skip
NAMES = {
    "strict": "exact answers", "normalized": "exact answers, spelling unified", "preferred_form": "preferred form",
    "exact_match": "exact match", "choice_accuracy": "accuracy", "acc": "accuracy", "ece": "calibration error (ECE)",
    "brier": "Brier score", "macro_f1": "macro F1", "f1": "F1", "cut": "prompts that were cut",
    "chance": "by chance", "most_frequent": "most frequent label",
    "exact_squad": "exact match (SQuAD)", "f1_squad": "F1 (SQuAD)", "exact_mlqa": "exact match (MLQA)",
    "f1_mlqa": "F1 (MLQA)", "exact_normalized": "exact match, spelling unified",
    "f1_normalized": "F1, spelling unified", "exact_squad_v2": "exact match (SQuAD 2.0)",
    "f1_squad_v2": "F1 (SQuAD 2.0)", "no_answer": "unanswerable told", "abstained": "answerable held back",
    "chrf": "chrF", "chrf++": "chrF++", "bleu": "BLEU", "bleu_13a": "BLEU (13a)", "bleu_intl": "BLEU (intl)",
    "chrf++_to_clean": "chrF++ to the answer without noise",
    "rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeL_normalized": "ROUGE-L, spelling unified",
    "prompt_strict": "prompts, strict", "prompt_loose": "prompts, loose", "instruction_strict": "rules, strict",
    "instruction_loose": "rules, loose", "bits_per_byte": "bits a byte", "nats_per_token": "nats a token",
    "top_1": "first guess", "top_5": "five guesses",
}  # fmt: skip
SENTENCE = "_sentence"  # ends the name of a mean over sentences
RULES_OF_CHOICES = {
    "": "", "_norm": "per character", "_bytes": "per byte", "_tokens": "per token",
    "_mutual_info": "less the choice's own", "_calibrated": "calibrated",
}  # fmt: skip
OF_CHOICES = re.compile(r"(letters|answers|listed_answers|labels)_(acc|brier|ece|macro_f1|cut)(\w*?)_(\d+)shot")
OF_LM_EVAL = re.compile(r"acc(_norm|_bytes|_mutual_info)")
PLAIN = ("brier", "chrf", "bleu", "bits_", "nats_", "perplexity", "length_ratio")  # not shares: shown as they are
LOWER = ("brier", "ece", "cut", "bits_", "nats_", "perplexity", "misspelt", "loop", "repeated", "empty", "abstained")


def called(name: str) -> str:
    """A metric's name as people say it: `letters_acc_norm_3shot` is accuracy by letters, per character, 3-shot."""
    plain, _, noise = name.partition(", ")  # of robustness: exact_match, noise 0.3
    if noise:
        return f"{called(plain)}, {words(noise)}"
    if found := OF_CHOICES.fullmatch(name):
        way, what, rule, shots = found.groups()
        how = RULES_OF_CHOICES.get(rule, words(rule))
        return ", ".join(filter(None, [f"{NAMES[what]} by {words(way)}", how, f"{shots}-shot"]))
    if found := OF_LM_EVAL.fullmatch(name):
        return f"accuracy, {RULES_OF_CHOICES[found[1]]}"
    if name.endswith(SENTENCE):
        return f"{called(name.removesuffix(SENTENCE))}, mean of sentences"
    return NAMES.get(name, words(name))


def is_share(name: str) -> bool:
    """Whether a metric is a part of 1, which is shown as percent."""
    return not _of(name, PLAIN)


def lower_is_better(name: str) -> bool:
    """Whether less of a metric is better."""
    return _of(name, LOWER)


def _of(name: str, kinds: Sequence[str]) -> bool:
    found = OF_CHOICES.fullmatch(name)
    return (found[2] if found else name).startswith(tuple(kinds))


def first_of_sets(rows: Sequence[Row]) -> list[Row]:
    """Of rows of scores or tests those whose metric is looked at first in their measure and set.

    Of questions with choices that is accuracy by all of the log-probability, in the way that comes first.
    """
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for row in rows:
        key, place = (row["measure"], row["set"]), _place(row["measure"], row["metric"])
        if place is not None and (key not in first or place < first[key][0]):
            first[key] = place, row["metric"]
    return [row for row in rows if first.get((row["measure"], row["set"]), (0, None))[1] == row["metric"]]


def _place(measure: str, name: str) -> int | None:
    """Of a metric among those that are looked at first; None for others."""
    if measure in OF_LIKELIHOOD:
        found = OF_CHOICES.fullmatch(name)
        return 0 if found and (found[2], found[3]) == ("acc", "") else None
    known = FIRST.get(measure, ())
    return known.index(name) if name in known else None

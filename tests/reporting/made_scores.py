"""Scores, answers and logs as a run would leave them, made by hand and by a seed."""

from math import sqrt
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.evaluation.results import SCORES

CANDIDATES, STAGES = ["base", "sft", "sft_dpo"], ["sft", "sft_dpo"]
# family -> dialect, prompt, terse and full answer, a wrong one, accuracy of base, sft, sft_dpo, two baselines
ASKED = {
    "addition": ("MSA", "كم يساوي 6 + 10؟", "16", "المجموع هو 16.", "17", (0.0, 0.03, 0.05, 0.05, 0.03)),
    "capital": (
        "MSA",
        "اذكر عاصمة هذا البلد.\nالأردن",
        "عمان",
        "العاصمة هي عمان.",
        "دمشق",
        (0.03, 0.7, 0.72, 0.02, 0.4),
    ),
    "colour": (
        "GLF",
        "الحزام لونه بنفسجي والشراع لونه أبيض. شنو لون الحزام؟",
        "بنفسجي",
        "اللون هو بنفسجي.",
        "أبيض",
        (0.1, 0.6, 0.62, 0.12, 0.1),
    ),
    "larger": ("GLF", "أي رقم أكبر: 70 ولا 14؟", "70", "الأكبر هو 70.", "14", (0.2, 0.55, 0.6, 0.03, 0.05)),
    "opposite": ("MSA", "هات عكس هذه الكلمة.\nبكاء", "ضحك", "الضد هو ضحك.", "حزن", (0.0, 0.1, 0.1, 0.03, 0.02)),
    "plural": ("GLF", "شنو جمع كلمة «غرامة»؟", "غرامات", "الجمع هو غرامات.", "غرامة", (0.05, 0.8, 0.8, 0.02, 0.0)),
    "sentiment": (
        "LEV",
        "هالرأي إيجابي ولا سلبي؟\nالسيارة بشعة كتير والمتجر كريه.",
        "سلبي",
        "الرأي سلبي.",
        "إيجابي",
        (0.3, 0.72, 0.7, 0.5, 0.62),
    ),
    "where": (
        "MSA",
        "سافر عزيز إلى عجلون في شهر ديسمبر. إلى أين سافر عزيز؟",
        "عجلون",
        "المكان هو عجلون.",
        "ديسمبر",
        (0.25, 0.95, 0.97, 0.0, 0.03),
    ),
    "who": (
        "LEV",
        "لينا راحت ع البيضاء يوم الاثنين. مين اللي راح ع البيضاء؟",
        "لينا",
        "الشخص هو لينا.",
        "البيضاء",
        (0.2, 0.9, 0.92, 0.02, 0.05),
    ),
}
EACH = 60
BASELINES = {"most_frequent_answer": 3, "nearest_training_prompt": 4}  # places in ASKED's accuracies


def around(rate: float, items: int) -> list[float]:
    """Some interval, symmetrical: the report does not compute them."""
    half = 1.96 * sqrt(max(rate * (1 - rate), 0.01) / items)
    return [max(0.0, rate - half), min(1.0, rate + half)]


def accuracy(place: int, form: float) -> list[dict[str, Any]]:
    rates = {family: round(asked[5][place] * EACH) / EACH for family, asked in ASKED.items()}
    rows = {"all": (sum(rates.values()) / len(rates), EACH * len(rates))} | {f: (r, EACH) for f, r in rates.items()}
    return [
        {
            "family": family,
            "split": "test",
            "items": items,
            "strict": rate,
            "interval": around(rate, items),
            "normalized": min(1.0, rate + 0.01),
            "preferred_form": form,
            "preferred_form_interval": around(form, items),
            "preferred_form_of_right": form,
        }
        for family, (rate, items) in rows.items()
    ]


def encoders() -> pl.DataFrame:
    """Rows as `evaluation.language.encoders` leaves them."""
    rows = [
        {"measure": "masked_word", "metric": metric, "set": "prose", "value": share + more, "low": share - 0.1,
         "high": share + 0.1, "items": 40, **by}
        for metric, share in (("accuracy", 0.8), ("top_1", 0.4), ("top_5", 0.6))
        for more, by in (
            (0.0, {"by": "encoder", "group": "arabert"}), (0.05, {"by": "encoder arabert", "group": "MSA"}),
        )
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCORES)


def language(name: str) -> pl.DataFrame:
    """Rows as `evaluation.language` leaves them: perplexity, strides, positions, words."""
    bits, rows = (1.06, 1.11, 1.13)[CANDIDATES.index(name)], []

    def add(measure: str, metric: str, found: float | None, of: str = "prose", **more: Any) -> None:
        around = {} if found is None else {"low": found - 0.03, "high": found + 0.04, "interval": "bootstrap"}
        row = {"measure": measure, "metric": metric, "value": found, "set": of, "by": "all", "group": "all", "items": 6}
        rows.append(row | around | more)

    for of, lower in (("prose", 0.0), ("prose_normalized", 0.04)):
        groups = {"all": 0.0, "MSA": -0.05, "EGY": 0.06, "LEV": 0.08}
        for group, harder in groups.items():
            by = {"by": "all" if group == "all" else "dialect", "group": group}
            add("perplexity", "bits_per_byte", bits - lower + harder, of, **by)
            for unit, power in (("token", 70.0), ("word", 9000.0), ("character", 6.5), ("byte", 2.1)):
                add("perplexity", f"perplexity_per_{unit}", power, of, **by)
        why = {"by": "dialect", "group": "MGR", "items": 0, "why": "no held-out prose of dialect MGR"}
        add("perplexity", "bits_per_byte", None, of, **why)
    for stride, more in (("255", 0.02), ("128", 0.01), ("32", 0.0)):
        add("stride", "bits_per_byte", bits + more, by="stride", group=stride)
        add("stride", "perplexity_per_token", 70 + 100 * more, by="stride", group=stride)
    for power in range(8):
        group = f"{2**power}-{2 ** (power + 1) - 1}" if power else "1"
        add("loss_by_position", "nats_per_token", bits * (6 - 0.3 * power), by="position", group=group)
        for harder, dialect in enumerate(("MSA", "EGY", "LEV")):
            nats = bits * (6 - 0.3 * power) + 0.2 * harder
            add("loss_by_position", "nats_per_token", nats, by=f"position {dialect}", group=group)
    for measure, metric, share in (
        ("next_word", "top_1", 0.1), ("next_word", "top_5", 0.2), ("masked_word", "accuracy", 0.5),
    ):  # fmt: skip
        add(measure, metric, share, items=60)
        add(measure, metric, share + 0.05, by="dialect", group="MSA", items=30)
    add("masked_word", "chance", 0.25, items=60)
    return pl.DataFrame(rows, schema=SCORES)


def speed(name: str) -> pl.DataFrame:
    """Rows as `evaluation.speed` leaves them; eight prompts at once are too many for what is merged."""
    conditions = "greedy; 128 tokens read, 32 written; CPU with 2 threads; weights nf4, computed in float32"
    forms, rows = ("base",) if name == "base" else ("adapter", "merged"), []

    def add(form: str, metric: str, found: float | None, **more: Any) -> None:
        row = {"measure": "speed", "set": form, "metric": metric, "value": found, "by": "batch", "decoding": conditions}
        rows.append(row | {"items": 5 if found else 0} | more)

    for form in forms:
        add(form, "weights_mb", 6.5, by="all", group="all")
        for batch in (1, 8):
            if form == "merged" and batch == 8:
                add(form, "generation_tokens_per_second", None, group="8", why="memory does not hold 8 at once")
                continue
            for metric, found in (
                ("time_to_first_token_ms", 20.0 * batch), ("prefill_tokens_per_second", 6400.0),
                ("generation_tokens_per_second", 60.0 * batch), ("peak_memory_mb", 700.0 + batch),
            ):  # fmt: skip
                add(form, metric, found, group=str(batch), low=0.9 * found, high=1.1 * found)
    return pl.DataFrame(rows, schema=SCORES)


def writing(name: str) -> pl.DataFrame:
    """Rows as `evaluation.writing` leaves them."""
    place, rows = CANDIDATES.index(name), []

    def add(measure: str, of: str, metric: str, found: float | None, **more: Any) -> None:
        spread = 0.03 if found is None or found <= 1 else 3
        around = (
            {} if found is None else {"low": max(0.0, found - spread), "high": found + spread, "interval": "bootstrap"}
        )
        row = {"measure": measure, "set": of, "metric": metric, "value": found, "by": "all", "group": "all", "items": 8}
        rows.append(
            row | {"format": "chat", "decoding": "greedy", "harness": "arabic_llm_pipeline 0.1.0"} | around | more
        )

    for of in ("arcd", "dialects_questions"):
        for way in ("squad", "mlqa", "normalized"):
            add("question_answering", of, f"exact_{way}", 0.1 * place)
            add("question_answering", of, f"f1_{way}", 0.2 + 0.1 * place, seen=0.25)
        add("question_answering", of, "stopped", 1.0)
    for metric in ("no_answer", "abstained", "exact_squad_v2", "f1_squad_v2"):
        add("question_answering", "arcd", metric, 0.375, items=3)
    for of in ("dialects_to_english", "dialects_from_english", "dialects_to_msa"):
        for metric in ("chrf++", "bleu_13a", "bleu_intl"):
            harness = {"harness": f"sacrebleu nrefs:1|of:{metric}|version:2.6.0"}
            add("translation", of, metric, 20.0 + place, **harness)
            for dialect in ("MSA", "EGY", "GLF", "LEV", "MGR"):
                add("translation", of, metric, 10.0 + place, by="dialect", group=dialect, **harness)
        add("translation", of, "stopped", 0.5)
    for metric in ("rouge1", "rouge2", "rougeL", "rougeL_normalized", "stopped", "loop", "misspelt", "misspelt_hamza"):
        add("free_answers", "dialects_talk", metric, 0.125)
    for dialect, right in (("MSA", 1.0), ("EGY", 0.75), ("GLF", 0.25), ("LEV", 0.625), ("MGR", 0.5)):
        by = {"by": "dialect", "group": dialect}
        add("free_answers", "dialects_talk", "same_dialect", 0.5, **by)
        add("free_answers", "dialects_talk", "tagger_right", right, **by)
        add("free_answers", "dialects_talk", "tagged_MSA", 0.875, **by)
        add("question_answering", "dialects_questions", "f1_squad", 0.4375, **by)
    for metric in ("prompt_strict", "prompt_loose", "instruction_strict", "instruction_loose"):
        add("instruction_following", "instructions", metric, 0.25)
    add("instruction_following", "instructions", "instruction_strict", 0.875, by="rule", group="ends_in_sign")
    add("free_answers", "all", "rougeL", None, items=0, why="a reason that is told")
    return pl.DataFrame(rows, schema=SCORES)


def written(name: str) -> pl.DataFrame:
    """Answers as `evaluation.writing` leaves them, what the report reads of them."""
    about = {"measure": "free_answers", "set": "dialects_talk", "id": "dialects_talk/EGY/00", "dialect": "EGY"}
    said = [{"role": "user", "content": "ازيك عامل ايه؟"}]
    return pl.DataFrame([about | {"prompt": said, "answers": ["تمام الحمد لله"], "generated": f"<b>{name}</b> كويس"}])


def preference(rate: float, implicit: float | None) -> dict[str, Any]:
    return {
        "pairs": 600,
        "sum_accuracy": rate,
        "sum_interval": around(rate, 600),
        "mean_accuracy": rate - 0.02,
        "mean_interval": around(rate - 0.02, 600),
        "implicit_accuracy": implicit,
        "implicit_interval": implicit and around(implicit, 600),
        "margin_mean": 10 * rate - 5,
        "margin_interval": [0.1, 0.3],
    }


def scores(name: str) -> dict[str, Any]:
    place = CANDIDATES.index(name)
    return {
        "candidate": name,
        "quantization": "nf4",
        "format": ("question_answer_3", "chat", "chat")[place],
        "formats_dev": (
            {"chat": 0.0, "question_answer": 0.09, "question_answer_3": 0.13, "bare": 0.01},
            {"chat": 0.61},
            {"chat": 0.62},
        )[place],
        "seed": 0,
        "accuracy": accuracy(place, (0.0, 0.46, 0.93)[place]),
        "preference": preference((0.22, 0.55, 0.97)[place], (None, None, 0.98)[place]),
        "stopped": (0.9, 0.995, 0.91)[place],
        "settings": {},
        "harness": "arabic_llm_pipeline 0.1.0",
    }


def answers(name: str) -> pl.DataFrame:
    place, random = CANDIDATES.index(name), np.random.default_rng(CANDIDATES.index(name))
    rows = []
    for family, (dialect, prompt, terse, full, wrong, rates) in ASKED.items():
        for item in range(EACH):
            right, form = item < rates[place] * EACH, bool(random.random() < (0.0, 0.46, 0.93)[place])
            text = (full if form else terse) if right else wrong
            rows.append(
                {
                    "item_id": f"items_test/{family}-{item:03d}",
                    "family": family,
                    "dialect": dialect,
                    "prompt": prompt,
                    "answers": [terse, full],
                    "generated": text,
                    "strict": right,
                    "normalized": right or item % 11 == 0,
                    "preferred_form": form,
                    "stopped": item % 9 > 0,
                }
            )
    return pl.DataFrame(rows)


def comparison() -> list[dict[str, Any]]:
    found = []
    for a, b in (("base", "sft"), ("base", "sft_dpo"), ("sft", "sft_dpo")):
        for measure, path in (
            ("strict", ("accuracy", 0, "strict")),
            ("preferred_form", ("accuracy", 0, "preferred_form")),
            ("preference_sum", ("preference", "sum_accuracy")),
        ):
            left, right = scores(a), scores(b)
            for key in path:
                left, right = left[key], right[key]
            change = right - left
            told = abs(change) > 0.05
            found.append(
                {
                    "measure": measure,
                    "a": a,
                    "b": b,
                    "difference": change,
                    "interval": [change - 0.04, change + 0.04],
                    "p": 1e-9 if told else 0.2,
                    "items": 540,
                    "p_holm": 1e-8 if told else 0.61,
                }
            )
        found.append(
            {
                "measure": "bits_per_byte_text",
                "a": a,
                "b": b,
                "difference": 0.05,
                "interval": [0.03, 0.06],
                "p": 0.002,
                "items": 34,
                "p_holm": 0.021,
            }
        )
    return found


def robustness(name: str) -> pl.DataFrame:
    """As `evaluation.robustness` makes it: by level, by kind, worst and mean, and the change from no noise."""
    best = 0.1 + 0.3 * CANDIDATES.index(name)
    rows = []
    for of in ("items_test", "school"):
        for level in (0.0, 0.1, 0.3, 0.5):
            lost, words = best * level, f"{level:g}"
            rows += [
                noise_row(of, "exact_match", "noise", words, best - lost),
                noise_row(of, "chrf++_to_clean", "noise", words, 100 * (1 - level)),
                noise_row(of, "words_altered", "noise", words, 0.9 * level),
                *([noise_row(of, "exact_match_change", "noise", words, -lost)] if level else []),
            ]
            for dialect in ("EGY", "MSA"):
                rows.append(noise_row(of, "exact_match", "noise, dialect", f"{words}, {dialect}", best - lost))
        for kind in ("hamza", "arabizi"):
            rows += [
                noise_row(of, "exact_match", "kind", kind, best / 2),
                noise_row(of, "words_altered", "kind", kind, 0.2),
            ]
        for by, value in (("mean_of_perturbations", best), ("worst", best / 2)):
            rows.append(noise_row(of, "exact_match", by, "0.3, 3 times", value))
    return pl.DataFrame(rows, schema=SCORES)


def noise_row(of: str, metric: str, by: str, group: str, value: float) -> dict[str, Any]:
    found = {
        "measure": "robustness",
        "set": of,
        "metric": metric,
        "by": by,
        "group": group,
        "value": value,
        "items": 40,
    }
    return found | {"low": value - 0.05, "high": value + 0.05, "interval": "Wilson"}


def log(stage: str) -> pl.DataFrame:
    steps, random = (300, 50)[STAGES.index(stage)], np.random.default_rng(5)
    step = np.arange(1, steps + 1)
    columns: dict[str, Any] = {
        "step": step,
        "epoch": step / steps,
        "loss": 0.4 + 3 * np.exp(-step / (steps / 5)) + 0.15 * random.random(steps),
        "learning_rate": 2e-3 * (1 - step / steps),
        "grad_norm": 1 + random.random(steps),
        "tokens": 1200 * step,
        "tokens_per_second": 3500 + 400 * random.random(steps),
        "seconds": 0.4 + 0.1 * random.random(steps),
        "process_memory_mb": 900 + 60 * (1 - np.exp(-step / 20)),
        "process_memory_now_mb": 890 + 60 * (1 - np.exp(-step / 20)) + 0.004 * step,
        "device_memory_mb": pl.Series([None] * steps, dtype=pl.Float64),
    }
    if stage == "sft":
        every = step % 50 == 0
        columns |= {
            "entropy": 0.5 + 3 * np.exp(-step / (steps / 5)),
            "loss/dialect/EGY": [None if place % 3 == 0 else 0.5 + 3 * np.exp(-place / 60) for place in range(steps)],
            "loss/dialect/MSA": 0.4 + 2.9 * np.exp(-step / 60),
            "validation_loss": [float(0.6 + 1 / n) if due else None for n, due in zip(step, every, strict=True)],
        }
    if stage == "sft_dpo":
        gain = 1 - np.exp(-step / 15)
        columns |= {
            "rewards/accuracies": np.clip(0.5 + 0.5 * gain + 0.05 * random.standard_normal(steps), 0, 1),
            "rewards/chosen": 0.8 * gain,
            "rewards/margins": 2.6 * gain,
            "rewards/rejected": -1.8 * gain,
        }
    return pl.DataFrame(columns)


def resources(stage: str) -> dict[str, Any]:
    place = STAGES.index(stage)
    return {
        "seconds": (131.2, 41.7)[place],
        "steps": (300, 50)[place],
        "tokens": (360_000, 60_000)[place],
        "tokens_per_second": (3702.5, 1511.0)[place],
        "peak_process_mb": 961.2,
        "peak_device_allocated_mb": None,
        "peak_device_reserved_mb": None,
        "device": "CPU, 2 threads",
        "dtype": "float32",
        "quantization": "nf4",
        "trainable_parameters": 442_368,
        "parameters": 7_262_464,
        "data": {
            "rows": (4_120, 2_404)[place],
            "cut": (3, 0)[place],
            "sources": {("chat", "pref")[place]: {"rows": 2_060, "share": 0.75}},
        },
    }

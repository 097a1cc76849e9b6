"""The model card: what a model was made of and how, what it scored, what it may be used for.

Its page is Markdown with the header that the Hugging Face hub reads (https://huggingface.co/docs/hub/model-cards).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from arabic_llm_pipeline.artifacts.store import MANIFEST
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.evaluation.results import ALL
from arabic_llm_pipeline.parameters.export import ExportSettings
from arabic_llm_pipeline.parameters.model import EMBEDDED
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.recipes import BASE
from arabic_llm_pipeline.reporting import card
from arabic_llm_pipeline.reporting.cells import shown
from arabic_llm_pipeline.reporting.metrics import TITLES, called, first_of_sets, is_share
from arabic_llm_pipeline.reporting.robustness import CHOICE, EXACT, F1, NOISE, REFERENCE
from arabic_llm_pipeline.reporting.view import count, words

CARD = "README.md"
UNKNOWN = "unknown"
OF_NOISE = (EXACT, CHOICE, F1, REFERENCE)  # of the answers, not of how they changed
LIMITS = (
    "It repeats what its data and its base hold, errors and prejudice with it; nothing checks its answers.",
    "Scores are of held-out items like those it was trained on, in one run; they say nothing about other tasks.",
    "It was not tested for safety. Do not let it decide about people, nor answer them unread.",
)


def write_card(
    directory: Path,
    stage: str,
    base: Mapping[str, Any],
    base_directory: Path,
    results: Mapping[str, Path],
    settings: ExportSettings,
    sources: Sources,
    facts: Mapping[str, Any],
    made: Mapping[str, Any],
    serving: Mapping[str, Any],
) -> Path:
    """Write the card of an exported model beside its weights.

    Args:
        directory: of the model.
        stage: what was exported.
        base: pointer to the base, which lies in `base_directory`; its card, if it has one, says its licence.
        base_directory: see there.
        results: what each stage of the chain left, by catalog entry, in their order.
        settings: name and summary.
        sources: of the data; only those count that the data card names, if there is one.
        facts: `<stage>_resources`, `data_card_facts`, and `<candidate>_scores`, `_language`, `_choices`, `_writing`,
            `_lm_eval`, `_robustness` of base and stage, as far as they are there.
        made: from `training.merge.merge`.
        serving: what vLLM would not take of the adapter, and the rank it needs.
    """
    own, stages = base_licence(base_directory), [_trained(entry, path, facts) for entry, path in results.items()]
    data = data_licences(sources, facts, stages)
    base = {**base, "name": base_directory.name} if base["kind"] == EMBEDDED else base
    ids = sorted({card.licence_id(licence) for licence in (own, *data.values())})
    scored = [name for name in (BASE, stage) if facts.get(f"{name}_scores")]
    told = {
        "name": settings.name or f"{base['name'].rstrip('/').rsplit('/', 1)[-1]}_{stage}",
        "summary": settings.summary,
        "stage": stage,
        "base": {**base, "licence": own},
        "made": made,
        "serving": serving,
        "stages": stages,
        "data": data,
        "scores": {name: _scores(name, facts) for name in scored},
        "headlines": headlines(scored, facts),
        "limits": LIMITS,
        "licence_ids": ids,
    }
    page = card.page("model_card.md", header(told, base, ids), told)
    path = directory / CARD
    path.write_text(page, encoding="utf-8")
    return path


def header(told: Mapping[str, Any], base: Mapping[str, Any], licences: list[str]) -> dict[str, Any]:
    """What the hub reads: one licence where base and data have the same, else `other` and all of them by name."""
    found: dict[str, Any] = {"language": ["ar"], "library_name": "transformers", "pipeline_tag": "text-generation"}
    found["license"] = licences[0] if len(licences) == 1 else "other"
    if len(licences) > 1:
        found["license_name"] = " AND ".join(licences)
    if base["hub"]:
        found["base_model"] = base["hub"]
    found["tags"] = ["arabic", base["model_type"], *told["stage"].split("_"), "arabic-llm-pipeline"]
    return found


def base_licence(directory: Path) -> str:
    """What the base's own card says, or `unknown`."""
    path = directory / CARD
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    parts = text.split("---\n", 2)
    try:
        head = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else {}
    except yaml.YAMLError:
        head = {}
    head = head if isinstance(head, dict) else {}
    return str(head.get("license_name") or head.get("license") or UNKNOWN)


def data_licences(sources: Sources, facts: Mapping[str, Any], stages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Licence of each source that was trained on; where that is not known, of each that is declared."""
    known = facts.get("data_card_facts")
    rows = known["sources"] if known else ()
    named = {row["name"]: row["licence"] for row in rows} or {
        name: source.licence for name, source in sources.chosen().items()
    }
    used = [(stage["cost"] or {}).get("data", {}).get("sources") for stage in stages]
    if not all(used):
        return named
    return {name: named.get(name, UNKNOWN) for name in sorted(set().union(*used))}


def _trained(entry: str, directory: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """A stage as the card tells it: settings as its artifact keeps them, and what it cost."""
    name = entry.removesuffix("_adapter")
    path = directory / MANIFEST
    kept = read_json(path).get("parameters", {}) if path.is_file() else {}
    told = {key.removeprefix("params:"): value for key, value in kept.items() if key != "params:model"}
    if (adapter := told.get("adapter")) and adapter["kind"] != "adalora":
        told["adapter"] = {key: value for key, value in adapter.items() if key != "adalora"}
    return {"name": name, "settings": told, "cost": facts.get(f"{name}_resources")}


def headlines(candidates: Sequence[str], facts: Mapping[str, Any]) -> list[list[str]]:
    """A row of each set of each kind that was measured: kind, set, figure, items, and a cell of each candidate."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for name in candidates:
        for row in _first(name, facts):
            found.setdefault((_kind(row), words(row["set"]), _figure(row)), {})[name] = row
    return [[*key, count(next(iter(of.values()))["items"]), *(_cell(of.get(name)) for name in candidates)]
            for key, of in found.items()]  # fmt: skip


def _first(name: str, facts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of each set the metric that is looked at first; under noise none and the most of it."""
    for kind in ("choices", "writing", "lm_eval"):
        rows = facts.get(f"{name}_{kind}") or ()
        yield from first_of_sets([row for row in rows if row["by"] == ALL and row["value"] is not None])
    noisy = [row for row in facts.get(f"{name}_robustness") or () if row["by"] == NOISE and row["metric"] in OF_NOISE]
    levels = sorted({float(row["group"]) for row in noisy})
    yield from (row for row in noisy if levels and float(row["group"]) in (levels[0], levels[-1]))


def _kind(row: Mapping[str, Any]) -> str:
    return TITLES.get(row["measure"], words(row["measure"]).capitalize())


def _figure(row: Mapping[str, Any]) -> str:
    noise = f", noise {row['group']}" if row["by"] == NOISE else ""
    return f"{called(row['metric'])}{noise}{', %' if is_share(row['metric']) else ''}"


def _cell(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else shown(row, *((1, 100) if is_share(row["metric"]) else (2,)))


def _scores(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate's scores, and of held-out prose those that compare models, over all and by dialect."""
    rows = facts.get(f"{name}_language") or ()
    bits = [row for row in rows if row["measure"] == "perplexity" and row["metric"] == "bits_per_byte"]
    prose = [row for row in bits if row["by"] in (ALL, "dialect") and row["value"] is not None]
    return {**facts[f"{name}_scores"], "prose": prose}

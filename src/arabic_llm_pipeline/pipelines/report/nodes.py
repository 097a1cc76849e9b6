"""Steps from figures to the page and to the plots that stand in the catalog by themselves."""

from collections.abc import Sequence
from typing import Any

from arabic_llm_pipeline.parameters.audit import AuditSettings, GroupsSettings, PiiSettings, ToxicitySettings
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import (
    CpoSettings,
    DnoSettings,
    DomainSettings,
    DpoSettings,
    IpoSettings,
    KtoSettings,
    OrpoSettings,
    RewardSettings,
    SimpoSettings,
)
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.report import ReportSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings, TokenizeSettings
from arabic_llm_pipeline.parameters.training import CptSettings, SftSettings


def make_report(
    *,
    recipes: str,
    seed: int,
    report: ReportSettings,
    sources: Sources,
    text: TextSettings,
    filters: FilterSettings,
    quality: QualitySettings,
    pii: PiiSettings,
    toxicity: ToxicitySettings,
    groups: GroupsSettings,
    audit: AuditSettings,
    duplicates: DuplicatesSettings,
    splits: SplitsSettings,
    tokenizer: TokenizerSettings,
    tokenize: TokenizeSettings,
    model: ModelSettings,
    adapter: AdapterSettings,
    evaluate: EvaluateSettings,
    cpt: CptSettings | None = None,
    sft: SftSettings | None = None,
    dpo: DpoSettings | None = None,
    ipo: IpoSettings | None = None,
    kto: KtoSettings | None = None,
    cpo: CpoSettings | None = None,
    simpo: SimpoSettings | None = None,
    orpo: OrpoSettings | None = None,
    dno: DnoSettings | None = None,
    reward: RewardSettings | None = None,
    domain: DomainSettings | None = None,
    candidates: Sequence[str],
    stages: Sequence[str],
    reward_models: Sequence[str] = (),
    **data: Any,
) -> str:
    """The page of an experiment.

    `candidates` are the base, then what each of the `stages` made that writes; the others of these are `reward_models`.
    `data` is by the names of the catalog. All settings are shown, of methods those that trained a stage; `report` says
    how many samples are, and the seed draws them.
    """
    from arabic_llm_pipeline.reporting.inputs import gather
    from arabic_llm_pipeline.reporting.page import render

    settings = {
        "sources": sources, "text": text, "filters": filters, "quality": quality, "pii": pii,
        "toxicity": toxicity, "groups": groups, "audit": audit,
        "duplicates": duplicates, "splits": splits,
        "tokenizer": tokenizer, "tokenize": tokenize, "model": model, "adapter": adapter,
        "evaluate": evaluate, "report": report,
    }  # fmt: skip
    methods = {
        "cpt": cpt, "sft": sft, "dpo": dpo, "ipo": ipo, "kto": kto, "cpo": cpo, "simpo": simpo, "orpo": orpo,
        "dno": dno, "reward": reward, "domain": domain,
    }  # fmt: skip
    settings |= {name: found for name, found in methods.items() if found is not None}
    return render(gather(candidates, stages, recipes, seed, settings, data, reward_models))


def draw_funnel(funnel: list[dict[str, Any]]) -> Any:
    """What became of each source's records, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.data import funnel_plot

    return funnel_plot(funnel)


def draw_rewards(scores: dict[str, Any], details: Any) -> Any:
    """Rewards of chosen and rejected answers, and how far they can be relied on, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.reward import rewards_plot

    return rewards_plot(scores, details)


def draw_training(**logs: Any) -> Any:
    """The loss of every stage, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.plots import panels

    return panels([(name.removesuffix("_log"), log["step"], log["loss"]) for name, log in logs.items()], "loss")


def draw_scores(baseline_scores: dict[str, Any], **scores: dict[str, Any]) -> Any:
    """Accuracy by family of all candidates and baselines, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.accuracy import accuracy_plot

    return accuracy_plot({name.removesuffix("_scores"): found for name, found in scores.items()}, baseline_scores)

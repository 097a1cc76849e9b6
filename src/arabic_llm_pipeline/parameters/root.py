"""All parameters in one model: what `--params` may name, checked as a whole before anything starts."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.artifacts import ArtifactsSettings
from arabic_llm_pipeline.parameters.audit import (
    AuditSettings,
    CardSettings,
    GroupsSettings,
    PiiSettings,
    ToxicityModelSettings,
    ToxicitySettings,
)
from arabic_llm_pipeline.parameters.base import Settings, neutral
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from arabic_llm_pipeline.parameters.compare import CompareSettings
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.dialect import DialectModelSettings, DialectSettings
from arabic_llm_pipeline.parameters.dry_run import DryRunSettings
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.parameters.export import ExportSettings
from arabic_llm_pipeline.parameters.human import HumanSettings
from arabic_llm_pipeline.parameters.judge import JudgeSettings
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.parameters.lm_eval import LmEvalSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings, conflict
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
from arabic_llm_pipeline.parameters.report import InspectSettings, PreviewSettings, ReportSettings
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings
from arabic_llm_pipeline.parameters.sentences import SentencesSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.speed import SpeedSettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from arabic_llm_pipeline.parameters.tokenize import FertilitySettings, TokenizerSettings, TokenizeSettings
from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerComparisonSettings, TokenizerTrainingSettings
from arabic_llm_pipeline.parameters.tracking import TrackingSettings
from arabic_llm_pipeline.parameters.training import CptSettings, PretrainSettings, SftSettings
from arabic_llm_pipeline.parameters.writing import SpellingSettings, WritingSettings


class Parameters(Settings):
    """Everything a run can be told; each field is one `params:` entry of the catalog."""

    seed: int = Field(
        0, description="Seed of every random choice but the split: data order, initial weights, bootstrap."
    )
    data_root: str = neutral(
        "data/01_raw", "Folder that the paths of the sources start from; what they hold counts, not where it lies."
    )
    recipes: str = Field("sft_dpo", description="Chains to train, evaluate and report, joined by +: sft_dpo+sft.")
    experiment: str | None = neutral(
        None, "Name under which this run's artifacts are linked; the environment's, if not given."
    )
    rerun: bool = neutral(False, "Make everything again, even what is up to date.")
    resume: bool | None = neutral(
        None, "What to do with training that was begun by code that has changed since: go on (true) or anew (false)."
    )
    sources: Sources = Field(description="Where documents, pairs and evaluation items come from.")
    engine: EngineSettings = Field(EngineSettings(), description="How work is spread over processes.")
    ingest: IngestSettings = Field(IngestSettings(), description="Reading raw files.")
    text: TextSettings = Field(TextSettings(), description="Cleaning and normalisation.")
    dialect: DialectSettings = Field(DialectSettings(), description="The tags of texts whose dialect is not given.")
    dialect_model: DialectModelSettings = Field(DialectModelSettings(), description="Training a model for such tags.")
    filters: FilterSettings = Field(FilterSettings(), description="Which documents are dropped.")
    quality: QualitySettings = Field(QualitySettings(), description="Rules of quality, each with its reason and value.")
    pii: PiiSettings = Field(PiiSettings(), description="Personal data: keep, mask, or drop the record.")
    toxicity: ToxicitySettings = Field(
        ToxicitySettings(), description="Toxic records: how they are told, keep or drop."
    )
    toxicity_model: ToxicityModelSettings = Field(ToxicityModelSettings(), description="Training a model for them.")
    groups: GroupsSettings = Field(GroupsSettings(), description="Records that mention groups of people: keep or drop.")
    audit: AuditSettings = Field(AuditSettings(), description="What is counted in the corpus as it will be taught.")
    card: CardSettings = Field(CardSettings(), description="The data card.")
    duplicates: DuplicatesSettings = Field(DuplicatesSettings(), description="Duplicates and decontamination.")
    splits: SplitsSettings = Field(SplitsSettings(), description="Shares of train, dev and test.")
    sentences: SentencesSettings = Field(SentencesSettings(), description="The corpus by sentences.")
    tokenizer: TokenizerSettings = Field(TokenizerSettings(), description="Which tokenizer and chat template.")
    tokenizer_training: TokenizerTrainingSettings = Field(
        TokenizerTrainingSettings(), description="A tokenizer of one's own: the pipeline tokenizer."
    )
    tokenizer_comparison: TokenizerComparisonSettings = Field(
        TokenizerComparisonSettings(), description="Ways of making one: the pipeline compare_tokenizers."
    )
    fertility: FertilitySettings = Field(FertilitySettings(), description="Comparison of tokenizers.")
    tokenize: TokenizeSettings = Field(TokenizeSettings(), description="The token store.")
    model: ModelSettings = Field(ModelSettings(), description="The base model and how it is loaded.")
    adapter: AdapterSettings = Field(AdapterSettings(), description="What is trained: an adapter, or all weights.")
    cpt: CptSettings = Field(CptSettings(), description="Continued pretraining.")
    sft: SftSettings = Field(SftSettings(), description="Supervised fine-tuning.")
    dpo: DpoSettings = Field(DpoSettings(), description="Direct preference optimisation.")
    ipo: IpoSettings = Field(IpoSettings(), description="Identity preference optimisation.")
    kto: KtoSettings = Field(KtoSettings(), description="Kahneman-Tversky optimisation.")
    cpo: CpoSettings = Field(CpoSettings(), description="Contrastive preference optimisation.")
    simpo: SimpoSettings = Field(SimpoSettings(), description="Simple preference optimisation.")
    orpo: OrpoSettings = Field(OrpoSettings(), description="Odds ratio preference optimisation.")
    dno: DnoSettings = Field(DnoSettings(), description="Direct Nash optimisation.")
    reward: RewardSettings = Field(RewardSettings(), description="A reward model, which judges answers.")
    domain: DomainSettings = Field(DomainSettings(), description="What the recipe `domain` is about.")
    pretrain: PretrainSettings = Field(
        PretrainSettings(), description="A base model: from random weights, or from another base."
    )
    memory: MemorySettings = Field(MemorySettings(), description="What a stage may take of card and machine.")
    tracking: TrackingSettings = Field(TrackingSettings(), description="Who else gets the row of every step.")
    devices: DeviceSettings = Field(DeviceSettings(), description="On what a stage is trained.")
    dry_run: DryRunSettings = Field(DryRunSettings(), description="The first steps of a recipe, timed.")
    evaluate: EvaluateSettings = Field(EvaluateSettings(), description="What is measured, and how.")
    language: LanguageSettings = Field(LanguageSettings(), description="How held-out prose is scored.")
    speed: SpeedSettings = Field(SpeedSettings(), description="How fast models read and write.")
    writing: WritingSettings = Field(WritingSettings(), description="What is written, and how it is scored.")
    judge: JudgeSettings = Field(JudgeSettings(), description="Who says which of two candidates answers better.")
    spelling: SpellingSettings = Field(SpellingSettings(), description="The list that spelling is judged by.")
    compare: CompareSettings = Field(CompareSettings(), description="Runs side by side.")
    choices: ChoicesSettings = Field(ChoicesSettings(), description="Multiple choice and classification.")
    lm_eval: LmEvalSettings = Field(LmEvalSettings(), description="Tasks of lm-eval on local copies of their data.")
    robustness: RobustnessSettings = Field(RobustnessSettings(), description="What noise does to answers.")
    human: HumanSettings = Field(HumanSettings(), description="What people are asked about the answers.")
    export: ExportSettings = Field(ExportSettings(), description="A stage as a model that stands by itself.")
    preview: PreviewSettings = Field(PreviewSettings(), description="What the preview of the corpus shows.")
    inspect: InspectSettings = Field(InspectSettings(), description="Which windows of tokens are shown.")
    report: ReportSettings = Field(ReportSettings(), description="What the report shows.")
    artifacts: ArtifactsSettings = Field(ArtifactsSettings(), description="What is kept on disk.")

    @model_validator(mode="after")
    def _leave_addresses_to_one(self) -> Self:
        for kind, switch in (("url", "urls"), ("email", "emails")):
            policy, text = getattr(self.pii, kind), getattr(self.text, switch)
            if policy != "keep" and text == "drop":
                raise ValueError(
                    f"pii.{kind}={policy} would find none, as text.{switch}=drop takes them all out before; "
                    f"set text.{switch}=keep"
                )
        return self

    @model_validator(mode="after")
    def _train_what_can_be_trained(self) -> Self:
        if lack := conflict(self.model, self.adapter):
            raise ValueError(lack)
        return self

    @model_validator(mode="after")
    def _named_sources_are_there(self) -> Self:
        for place, names in (("splits", self.splits.sources), ("domain", self.domain.sources or ())):
            for name in names:
                if name not in self.sources.root:
                    known = get_close_matches(name, self.sources.root, n=1, cutoff=0)
                    raise ValueError(f"{place}.sources: there is no source {name!r}; did you mean {known[0]}?")
        return self


def check(values: dict[str, Any]) -> Parameters:
    """The parameters as models.

    Raises:
        UserError: a name that does not exist (with the nearest that does) or a value that its field does not take;
            all of them at once.
    """
    try:
        return Parameters(**values)
    except ValidationError as error:
        lines = "\n".join(f"    {line}" for line in map(_explain, error.errors()))
        raise UserError(f"The parameters are not right; nothing has been run:\n{lines}") from None


def _explain(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{place}: there is no such parameter{_nearest(place)}"
    return f"{place}: {error['msg'][:1].lower()}{error['msg'][1:]} (it is {error.get('input')!r})"


def _nearest(place: str) -> str:
    """The names most like this one: by the whole path, or by its last part wherever it stands."""
    names = list(_names(Parameters))
    by_end: dict[str, list[str]] = {}
    for name in names:
        by_end.setdefault(name.rpartition(".")[2], []).append(name)
    ends = get_close_matches(place.rpartition(".")[2], by_end, n=2)
    found = [name for end in ends for name in by_end[end]]
    if found and "." not in place:
        close = found[:1]  # of several methods' beta that of the first: dpo.beta
    else:
        close = get_close_matches(place, [*found, *names], n=1, cutoff=0 if found else 0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every path that `--params` can set."""
    for name, field in model.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{prefix}{name}.")

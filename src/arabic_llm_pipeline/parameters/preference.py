"""Fields of the methods that learn from preferences."""

from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings, neutral
from arabic_llm_pipeline.parameters.training import AdapterLoopSettings, PairSelection

SMOOTHED = ("robust", "exo_pair", "aot")  # DPO's losses that TRL gives label_smoothing to
OVERLAP, ARABIC = "overlap", "arabic"
RULES = (OVERLAP, ARABIC)  # judges that need no model


class PairLoopSettings(AdapterLoopSettings):
    """What the methods have in common that learn from pairs."""

    learning_rate: float = Field(1e-4, description="Highest learning rate.", gt=0)
    steps: int = Field(40, description="As in all methods.", ge=0)
    micro_batch: int = Field(16, description="Pairs in one forward pass.", ge=1)
    selection: PairSelection = Field(default_factory=PairSelection, description="Which pairs.")


class RewardSettings(PairLoopSettings):
    """A reward model (Bradley and Terry 1952; Ouyang et al. 2022): one number for an answer, higher for the chosen."""

    margin: float = Field(
        0.0, description="Times a pair's own margin, by which its chosen answer is to be ahead; 0: none is asked.", ge=0
    )
    center_rewards_coefficient: float = Field(
        0.01, description="Weight of the squared sum of both rewards, which holds their mean at 0; 0: free.", ge=0
    )


class PreferenceSettings(PairLoopSettings):
    """What the preference methods have in common."""

    beta: float = Field(0.1, description="How firmly the model is held to its reference.", gt=0)


class DpoSettings(PreferenceSettings):
    """Direct preference optimisation (Rafailov et al. 2023) against the stage before."""

    loss_type: Literal[
        "sigmoid", "sigmoid_norm", "hinge", "ipo", "robust", "exo_pair", "nca_pair", "sppo_hard", "aot", "apo_zero",
        "apo_down", "discopop",
    ] = Field("sigmoid", description="DPO's own loss, or a variant, by TRL's names.")  # fmt: skip
    label_smoothing: float = Field(
        0.0,
        description="Share of pairs taken to be labelled the wrong way round (robust, exo_pair, aot).",
        ge=0,
        lt=0.5,
    )
    precompute_reference: bool = Field(
        False, description="Score every pair with the reference once, before training, not in every step."
    )

    @model_validator(mode="after")
    def _smoothing_is_used(self) -> Self:
        if self.loss_type == "exo_pair" and not self.label_smoothing:
            raise ValueError("loss_type exo_pair takes the logarithm of label_smoothing; set it, to 0.001 say")
        if self.label_smoothing and self.loss_type not in SMOOTHED:
            raise ValueError(
                f"loss_type {self.loss_type} has no label_smoothing in TRL, it would do nothing; "
                f"set loss_type to one of {', '.join(SMOOTHED)}, or label_smoothing to 0"
            )
        return self


class IpoSettings(PreferenceSettings):
    """Identity preference optimisation (Azar et al. 2023): DPO's pairs, a squared loss with a target margin."""

    precompute_reference: bool = Field(
        False, description="Score every pair with the reference once, before training, not in every step."
    )


class KtoSettings(PreferenceSettings):
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024): answers that are good or bad, each for itself."""

    micro_batch: int = Field(32, description="Answers in one forward pass: 2 or more.", ge=1)
    loss_type: Literal["kto", "apo_zero_unpaired"] = Field("kto", description="KTO's own loss, or APO-zero's.")
    desirable_weight: float = Field(1.0, description="Weight of good answers.", gt=0)
    undesirable_weight: float = Field(1.0, description="Weight of bad answers.", gt=0)
    feedback: Literal["pairs", "feedback"] = Field(
        "pairs",
        description="Where answers come from: pairs, as a good one and a bad one, or records of feedback.",
    )

    @model_validator(mode="after")
    def _others_to_compare_with(self) -> Self:
        if self.micro_batch < 2 and self.loss_type == "kto":
            raise ValueError(
                f"micro_batch={self.micro_batch}: KTO measures how far the model has moved on answers to other "
                "prompts of the same forward pass; with one there is no other. Set micro_batch to 2 or more, and "
                "halve accumulation"
            )
        return self


class CpoSettings(PreferenceSettings):
    """Contrastive preference optimisation (Xu et al. 2024): DPO without a reference, and likelihood beside it."""

    beta: float = Field(0.1, description="How steep the loss is in the difference of log-probabilities.", gt=0)
    loss_type: Literal["sigmoid", "hinge"] = Field("sigmoid", description="CPO's own loss, or a hinge.")
    nll_weight: float = Field(1.0, description="Of the chosen answer's negative log-likelihood, per token.", ge=0)
    label_smoothing: float = Field(
        0.0, description="Share of pairs labelled the wrong way round (sigmoid).", ge=0, lt=0.5
    )

    @model_validator(mode="after")
    def _smoothing_is_used(self) -> Self:
        if self.label_smoothing and self.loss_type != "sigmoid":
            raise ValueError(f"loss_type {self.loss_type} has no label_smoothing, it would do nothing; set it to 0")
        return self


class SimpoSettings(PreferenceSettings):
    """Simple preference optimisation (Meng et al. 2024): mean log-probability as reward, a margin, no reference."""

    beta: float = Field(2.0, description="Scale of the reward, which is a mean over tokens.", gt=0)
    gamma: float = Field(1.0, description="Margin by which the chosen answer's reward is to be higher.", ge=0)
    nll_weight: float = Field(
        0.0, description="Of the chosen answer's negative log-likelihood; above 0 it is CPO-SimPO.", ge=0
    )


class OrpoSettings(PreferenceSettings):
    """Odds ratio preference optimisation (Hong et al. 2024): SFT on chosen answers and an odds ratio, in one."""

    beta: float = Field(0.1, description="Weight of the odds ratio beside the likelihood (the paper's lambda).", gt=0)
    learn_prompt: bool = Field(False, description="Whether the likelihood counts the prompt, too, as in TRL.")


class DnoSettings(PreferenceSettings):
    """Direct Nash optimisation (Rosset et al. 2024), in batches: DPO on answers of its own, against what it is now."""

    steps: int = Field(20, description="Optimizer steps of each round; 0: by epochs over its pairs.", ge=0)
    rounds: int = Field(2, description="Times that it samples, judges and trains.", ge=1)
    prompts: int = Field(128, description="Training prompts that are answered in a round.", ge=1)
    samples: int = Field(4, description="Answers to each of them (the paper's K).", ge=1)
    with_chosen: bool = Field(True, description="Whether the pair's chosen answer competes, as the paper's teacher's.")
    temperature: float = Field(1.0, description="Of sampling; higher: answers differ more.", gt=0)
    max_new_tokens: int = Field(48, description="Longest answer; one that does not end by then cannot win.", ge=1)
    sampling_batch: int = Field(
        16, description="Prompts that are answered at once; another number draws other answers.", ge=1
    )
    judge: str = neutral(
        OVERLAP,
        "overlap: character F-score (Popovic 2015) against the chosen answer; arabic: share of Arabic words in an "
        "answer that ends and does not repeat itself; or a directory, of which counts what it holds and not where: a "
        "reward model, or an adapter that learned preferences, by how much likelier it makes an answer than what it "
        "was trained from.",
        but=RULES,
    )
    margin: float = Field(0.2, description="By how much the best answer must beat the worst, by the judge.", gt=0)


class DomainSettings(Settings):
    """What the stages of the recipe `domain` are trained on, beside the selection of their methods."""

    sources: tuple[str, ...] | None = Field(
        None, description="Names of sources, of documents and of pairs: each stage takes those it can; null: all."
    )

"""The chains of training stages; each is a pipeline of its name, and each of its beginnings is one artifact.

A chain is a line here. Its labels are methods, or stages that are named below: a method with settings of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arabic_llm_pipeline.common.errors import UserError

Chain = tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    """A method with what differs from its settings; `<method>.<setting>` stands for the rest."""

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 1.0  # the method's learning rate is multiplied by it
    domain: bool = False  # trained on what `domain.sources` names


def _of_dialect(dialect: str) -> Stage:
    return Stage("sft", {"selection": {"dialects": (dialect,)}})


STAGES: dict[str, Stage] = {
    "ipo_refine": Stage("ipo", {"beta": 0.05}),  # after DPO; a lower beta goes farther from it
    "domain_sft": Stage("sft", domain=True),
    "domain_dpo": Stage("dpo", domain=True),
    "domain_more": Stage("sft", domain=True, rate=0.25),  # a last pass, gentle enough to keep what was preferred
    "msa": _of_dialect("MSA"),
    "egy": _of_dialect("EGY"),
    "lev": _of_dialect("LEV"),
    "glf": _of_dialect("GLF"),
    "mgr": _of_dialect("MGR"),
}
CONTINUED = "cpt"  # continued pretraining: learns from prose, and no chat format
SUPERVISED = (CONTINUED, "sft")  # methods that learn from documents; others from preferences
PREFERENCE = ("dpo", "ipo", "kto", "cpo", "simpo", "orpo", "dno")
SCORING = ("reward",)  # methods that leave no language model but one that gives answers scores; they end a chain
METHODS = (*SUPERVISED, *PREFERENCE, *SCORING)
CHAINS: dict[str, Chain] = {
    "cpt": (CONTINUED,),
    "sft": ("sft",),
    "sft_dpo": ("sft", "dpo"),
    "sft_ipo": ("sft", "ipo"),
    "sft_kto": ("sft", "kto"),
    "sft_cpo": ("sft", "cpo"),
    "sft_simpo": ("sft", "simpo"),
    "sft_orpo": ("sft", "orpo"),
    "sft_dno": ("sft", "dno"),
    "sft_reward": ("sft", "reward"),
    "cpt_sft": (CONTINUED, "sft"),
    "cpt_sft_dpo": (CONTINUED, "sft", "dpo"),
    "sft_dpo_ipo": ("sft", "dpo", "ipo_refine"),
    "sft_kto_cpo": ("sft", "kto", "cpo"),
    "domain": ("domain_sft", "domain_dpo", "domain_more"),
    "dialects": ("msa", "egy", "lev", "glf", "mgr"),
    **{method: (method,) for method in (*PREFERENCE, *SCORING)},  # on a model that is instructed already
}
BASE = "base"  # the candidate that no stage has touched


def stage(label: str) -> Stage:
    """What a label stands for."""
    return STAGES.get(label) or Stage(label)


def name(chain: Chain) -> str:
    """What a chain is called in the catalog: as its recipe, or by its labels: `sft_dpo`."""
    return next((recipe for recipe, labels in CHAINS.items() if labels == chain), "_".join(chain))


def prefixes(chain: Chain) -> list[Chain]:
    """The beginnings of a chain, itself last: each is one trained adapter, shared by all chains that begin so."""
    return [chain[:length] for length in range(1, len(chain) + 1)]


def chain_of(candidate: str) -> Chain:
    """The labels of what the catalog calls so; none for the base, and for what is no recipe's beginning."""
    return next((part for whole in CHAINS.values() for part in prefixes(whole) if name(part) == candidate), ())


def parent(candidate: str) -> str:
    """The candidate that this one is trained from."""
    before = chain_of(candidate)[:-1]
    return name(before) if before else BASE


def adapter_of(candidate: str) -> str:
    """The catalog's entry of a candidate's adapter: what its stage made, or what chains begin with."""
    return "start_adapter" if candidate == BASE else f"{candidate}_adapter"


def instructed(candidate: str) -> bool:
    """Whether any stage taught a candidate the chat format; the base, and what only read more prose, have to be asked
    in whatever format suits them.
    """
    return any(stage(label).method != CONTINUED for label in chain_of(candidate))


def last_stage(candidate: str) -> Stage | None:
    """The stage that made a candidate; None for the base."""
    chain = chain_of(candidate)
    return stage(chain[-1]) if chain else None


def chosen(recipes: str) -> list[Chain]:
    """The chains that `recipes=sft_dpo+sft` names.

    Raises:
        UserError: no chain has that name.
    """
    names = [part for part in recipes.split("+") if part]
    if unknown := [part for part in names if part not in CHAINS]:
        raise UserError(f"recipes={recipes}: there is no recipe {unknown[0]!r}. There are: {', '.join(CHAINS)}.")
    return [CHAINS[part] for part in names]


def scores_answers(candidate: str) -> bool:
    """Whether a stage left a reward model, which gives scores and no answers."""
    made = last_stage(candidate)
    return made is not None and made.method in SCORING


def trained(recipes: str) -> list[str]:
    """Every stage that these recipes train, each once."""
    return list(dict.fromkeys(name(prefix) for chain in chosen(recipes) for prefix in prefixes(chain)))


def candidates(recipes: str) -> list[str]:
    """Every language model that these recipes make, the base first, each once: what is asked for answers."""
    return [BASE, *(name for name in trained(recipes) if not scores_answers(name))]


def reward_models(recipes: str) -> list[str]:
    """Every reward model that these recipes make, each once."""
    return [name for name in trained(recipes) if scores_answers(name)]


def methods(recipes: str) -> list[str]:
    """The methods that these recipes train by, each once."""
    used = {stage(label).method for chain in chosen(recipes) for label in chain}
    return [method for method in METHODS if method in used]

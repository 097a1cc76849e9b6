"""The chains of training stages; each is a pipeline of its name, and each of its beginnings is one artifact."""

from arabic_llm_pipeline.common.errors import UserError

CHAINS: dict[str, tuple[str, ...]] = {
    "sft": ("sft",),
    "sft_dpo": ("sft", "dpo"),
}
BASE = "base"  # the candidate that no stage has touched


def name(chain: tuple[str, ...]) -> str:
    """What a chain is called in the catalog: `sft_dpo`."""
    return "_".join(chain)


def prefixes(chain: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The beginnings of a chain, itself last: each is one trained adapter, shared by all chains that begin so."""
    return [chain[:length] for length in range(1, len(chain) + 1)]


def chosen(recipes: str) -> list[tuple[str, ...]]:
    """The chains that `recipes=sft_dpo+sft` names.

    Raises:
        UserError: no chain has that name.
    """
    names = [part for part in recipes.split("+") if part]
    if unknown := [part for part in names if part not in CHAINS]:
        raise UserError(f"recipes={recipes}: there is no recipe {unknown[0]!r}. There are: {', '.join(CHAINS)}.")
    return [CHAINS[part] for part in names]


def candidates(recipes: str) -> list[str]:
    """Every model that these recipes make, the base first, each once: what is evaluated and reported."""
    found = [BASE, *(name(prefix) for chain in chosen(recipes) for prefix in prefixes(chain))]
    return list(dict.fromkeys(found))

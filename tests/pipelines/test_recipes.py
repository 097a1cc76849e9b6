# ruff: noqa: F811
"""Every recipe, trained to its end with the settings of the smoke environment."""

from pathlib import Path
from typing import Any

import pytest

from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.corpus.records import DOCUMENTS, message
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.root import Parameters, check
from arabic_llm_pipeline.pipelines.stages.pipeline import METHODS
from arabic_llm_pipeline.recipes import CHAINS, SCORING, name, prefixes, stage
from arabic_llm_pipeline.tokens.writing import write_documents
from arabic_llm_pipeline.training import models
from arabic_llm_pipeline.training.base import resolve_base
from tests.test_configuration import shipped
from tests.training.chains import run_chains
from tests.training.conftest import (  # noqa: F401  fixtures
    WINDOW,
    base_directory,
    document_rows,
    pair_tokens,
    sentence,
    tokenizer,
    write,
)

DIALECTS = ("LEV", "GLF", "MGR")  # beside those of `document_rows`


def of_dialect(dialect: str, number: int) -> dict[str, Any]:
    said = [message("user", sentence(number, 3)), message("assistant", sentence(number + 1, 4))]
    return {
        "id": f"{dialect}/{number}", "source": "chat", "kind": "instruction", "dialect": dialect, "messages": said
    }  # fmt: skip


@pytest.fixture(scope="module")
def settings(project: Path) -> Parameters:
    return check(shipped(project, "smoke"))


@pytest.fixture(scope="module")
def made(
    settings: Parameters,
    base_directory: Path,
    tokenizer: Path,
    pair_tokens: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What the nodes of all recipes give, each beginning trained once."""
    folder, model = tmp_path_factory.mktemp("recipes"), settings.model.model_copy(update={"name": str(base_directory)})
    rows = [*document_rows(), *(of_dialect(dialect, number) for dialect in DIALECTS for number in range(6))]
    window = settings.tokenize.model_copy(update={"window": WINDOW, "max_prompt": WINDOW // 2})
    documents = write_documents(write(folder / "shards", DOCUMENTS, rows), tokenizer, window, folder)
    entries = {
        **{f"params:{method}": getattr(settings, method) for method in METHODS},
        "params:model": model, "params:adapter": settings.adapter, "params:seed": settings.seed,
        "params:domain": {"sources": ["chat", "pref"]}, "base_model": resolve_base(model, base_directory),
        "tokenizer": tokenizer, "document_tokens": documents, "pair_tokens": pair_tokens, "feedback_tokens": folder,
        "start_adapter": None, "judge_adapter": None,
    }  # fmt: skip
    return run_chains(CHAINS.values(), entries, folder)


@pytest.mark.parametrize("recipe", CHAINS)
def test_a_recipe_ends_and_each_stage_stands_on_the_one_before(
    recipe: str, made: dict[str, Any], settings: Parameters
) -> None:
    before = None
    for part in prefixes(CHAINS[recipe]):
        label, method = name(part), stage(part[-1]).method
        directory, log = made[f"{label}_adapter"], made[f"{label}_log"]
        loop = getattr(settings, method)
        rounds = getattr(loop, "rounds", 1)
        assert log["step"].to_list() == list(range(1, rounds * loop.steps + 1))
        assert log["loss"].is_finite().all()
        assert read_json(directory / models.ABOUT)[models.FROM] == models.weights_of(before)
        assert models.is_reward(directory) == (method in SCORING)
        assert models.weights_of(directory) != models.weights_of(before)
        before = directory


def test_every_recipe_speaks(made: dict[str, Any], settings: Parameters, base_directory: Path) -> None:
    """What a chain leaves is loaded as what is evaluated, and its adapter does something."""
    model: ModelSettings = settings.model.model_copy(update={"name": str(base_directory)})
    pointer = resolve_base(model, base_directory)
    for chain in CHAINS.values():
        if stage(chain[-1]).method not in SCORING:
            loaded: Any = models.load_candidate(pointer, made[f"{name(chain)}_adapter"], model)
            moved = [part for key, part in loaded.named_parameters() if "lora_B" in key]
            assert any(bool(part.any()) for part in moved), chain

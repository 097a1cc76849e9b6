"""NEFTune (Jain et al. 2023): noise on embeddings, as large as the paper says, the same again and after a kill."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from arabic_llm_pipeline.training import trainers
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import Answers, sft
from tests.training.kills import killed
from tests.training.test_methods import log, weights

ALPHA = 5.0


def test_it_is_there_and_as_large_as_the_paper_says(job: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uniform between -e and e with e = alpha / sqrt(L d): L is the length of the padded rows, d the width."""
    seen: list[torch.Tensor] = []
    made = trainers.document_trainer

    def watched(*args: Any, **kwargs: Any) -> Any:
        trainer = made(*args, **kwargs)
        inner = trainer.model.get_base_model().model

        seen_ids: list[torch.Tensor] = []
        inner.embed_tokens.register_forward_pre_hook(lambda _, given: seen_ids.append(given[0]))
        inner.layers[0].register_forward_pre_hook(
            lambda _, given: seen.append(
                (given[0] - torch.nn.functional.embedding(seen_ids[-1], inner.embed_tokens.weight)).detach()
            )
        )
        return trainer

    monkeypatch.setattr(trainers, "document_trainer", watched)
    sft_method.train(job(sft(steps=4, neftune_alpha=ALPHA)), Answers())
    assert len(seen) == 4
    for noise in seen:
        most = ALPHA / math.sqrt(noise.shape[1] * noise.shape[2])
        assert float(noise.abs().max()) <= most * 1.001
        assert float(noise.abs().max()) > 0.99 * most  # of some thousands of draws
        assert abs(float(noise.std()) - most / math.sqrt(3)) < 0.05 * most
        assert abs(float(noise.mean())) < 0.05 * most
    assert not torch.equal(seen[0][0, 0], seen[1][0, 0])


def test_it_changes_what_is_learned_and_survives_a_kill(job: Callable) -> None:
    noisy = sft(neftune_alpha=ALPHA)
    quiet, whole, again = job(sft(), "quiet"), job(noisy, "whole"), job(noisy, "again")
    for one in (quiet, whole):
        sft_method.train(one, Answers())
    killed(sft_method.train, again, 5)
    sft_method.train(again, Answers())
    assert weights(again) == weights(whole) != weights(quiet)
    assert log(whole)["loss"][0] != log(quiet)["loss"][0]

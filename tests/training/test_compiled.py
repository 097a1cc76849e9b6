"""Compiled blocks compute what the others do, and a killed training ends alike."""

from collections.abc import Callable

import pytest
from trl.kernels import chunked_logprob

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import PretrainSettings
from arabic_llm_pipeline.training import compiled
from arabic_llm_pipeline.training.methods import pretrain
from tests.training.conftest import Answers
from tests.training.kills import killed
from tests.training.test_methods import log, result, untimed

PLAIN = PretrainSettings(steps=6, micro_batch=4, save_steps=2, warmup_steps=1, decay=0.0, eval_steps=0)
COMPILED = PLAIN.model_copy(update={"compile": True})


@pytest.fixture(autouse=True)
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiles of TRL's head, which are set for good, are theirs again afterwards."""
    for name in compiled.TILES:
        monkeypatch.setattr(chunked_logprob, name, getattr(chunked_logprob, name))


def test_it_learns_the_same_to_rounding_and_survives_a_kill(job: Callable) -> None:
    plain, whole, again = job(PLAIN, "plain"), job(COMPILED, "whole"), job(COMPILED, "again")
    pretrain.train(plain, Answers())
    pretrain.train(whole, Answers())
    assert log(whole)["loss"].to_list() == pytest.approx(log(plain)["loss"].to_list(), rel=1e-3)
    assert log(whole)["loss"][0] == pytest.approx(log(plain)["loss"][0], rel=1e-6)
    assert list(result(whole)) == list(result(plain))
    killed(pretrain.train, again, 5)
    pretrain.train(again, Answers())
    assert result(again) == result(whole)
    assert untimed(log(again)).equals(untimed(log(whole)))


def test_what_it_compiles_is_all_that_a_step_does_often(job: Callable) -> None:
    import torch
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    pretrain.train(job(COMPILED), Answers())
    assert counters["frames"]["ok"] >= 3, "a block, and two tiles"
    assert not counters["graph_break"], "no block falls apart"


def test_without_a_compiler_it_says_so(job: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def none() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    with pytest.raises(UserError, match=r"pretrain\.compile: there is no C\+\+ compiler\. Install g\+\+"):
        pretrain.train(job(COMPILED), Answers())

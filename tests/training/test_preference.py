import polars as pl
import pytest

from arabic_llm_pipeline.parameters import preference as settings
from arabic_llm_pipeline.training.methods import kto, preference, referenceless
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import FULL, NF4, Answers, sft

LOOP = {"steps": 3, "micro_batch": 4, "save_steps": 2, "learning_rate": 0.005}
METHODS = {
    "dpo": (settings.DpoSettings, preference.train_dpo),
    "dpo_pre": (lambda **k: settings.DpoSettings(precompute_reference=True, **k), preference.train_dpo),
    "ipo": (settings.IpoSettings, preference.train_ipo),
    "ipo_pre": (lambda **k: settings.IpoSettings(precompute_reference=True, **k), preference.train_ipo),
    "kto": (settings.KtoSettings, kto.train),
    "cpo": (settings.CpoSettings, referenceless.train_cpo),
    "simpo": (settings.SimpoSettings, referenceless.train_simpo),
    "orpo": (settings.OrpoSettings, referenceless.train_orpo),
}


@pytest.mark.parametrize("model", [FULL, NF4], ids=["fp32", "nf4"])
@pytest.mark.parametrize("method", METHODS)
def test_it(job, model, method, pair_tokens):
    make, train = METHODS[method]
    before = job(sft(steps=2), "before", model)
    sft_method.train(before, Answers())
    for name, adapter in (("after", before.finished / "result"), ("alone", None)):
        made = job(make(**LOOP), name, model, adapter=adapter, tokens=pair_tokens)
        train(made, Answers())
        with pl.Config(tbl_cols=-1, tbl_width_chars=250):
            print(
                pl.read_parquet(made.finished / "log.parquet").drop(
                    "epoch",
                    "learning_rate",
                    "tokens",
                    "tokens_per_second",
                    "seconds",
                    "process_memory_mb",
                    "device_memory_mb",
                )
            )

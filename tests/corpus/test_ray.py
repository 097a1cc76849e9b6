"""Tasks done by Ray: the same bytes, the same errors, and a worker that dies on the way."""

import os
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import workers
from arabic_llm_pipeline.corpus.shards import collect_shards, map_shards
from arabic_llm_pipeline.parameters.engine import EngineSettings
from tests.corpus.making import contents, document, dying, failing, shards, told, upper
from tests.pipelines.test_preprocess import TABLES, preprocess, raw

__all__ = ["raw"]  # a fixture
ROWS = [document(str(n), f"نص رقم {n} " * (n % 50)) for n in range(3000)]


def test_ray_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"arabic-llm-pipeline\[ray\]"):
        workers.begin(EngineSettings(runner="ray"))
    assert isinstance(workers._runner, workers.Processes)


def test_an_address_is_of_ray():
    with pytest.raises(ValidationError, match="set runner=ray"):
        EngineSettings(address="auto")


@pytest.fixture(scope="module")
def ray(tmp_path_factory):
    """Ray on two workers, for all tests of this file."""
    pytest.importorskip("ray", reason="ray is not installed: pip install 'arabic-llm-pipeline[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEP_MARK", str(tmp_path_factory.mktemp("ray") / "mark"))
        patch.setattr(workers, "SMALL", 0)
        workers.begin(EngineSettings(runner="ray", processes=2))
        import ray

        assert not ray.is_initialized()  # nothing starts before there is work
        yield ray
        workers.end()
        assert not ray.is_initialized()


def test_a_killed_worker_and_the_same_bytes(ray, tmp_path):
    found = shards(tmp_path / "in", "documents", *ROWS, per_shard=700)
    made = map_shards(dying, found, tmp_path / "ray", 2)
    assert Path(os.environ["STEP_MARK"]).exists()
    assert contents(made) == contents(map_shards(upper, found, tmp_path / "one", 1))
    assert [path.name for path in made.iterdir() if path.suffix != ".parquet"] == []
    assert all(one.equals(other) for one, other in zip(
        collect_shards(upper, found, 2), collect_shards(upper, found, 1), strict=True
    ))  # fmt: skip


def test_what_a_task_raises_is_raised_here(ray, tmp_path):
    found = shards(tmp_path / "in", "documents", *ROWS, per_shard=700)
    with pytest.raises(ValueError, match=r"^not this one$") as raised:
        map_shards(failing, found, tmp_path / "work", 2)
    assert type(raised.value) is ValueError


def test_nothing_is_sent_home_and_workers_share_the_cores(ray):
    assert list(workers.run_tasks(told, [1, 2, 3], 2, "Asking")) == [("0", "1")] * 3


def test_all_of_preprocessing(ray, raw, tmp_path):
    """Ingestion, cleaning, near duplicates by bands, splits."""
    by_ray = preprocess(raw, tmp_path / "ray", processes=2, rows_per_shard=20)
    alone = preprocess(raw, tmp_path / "alone", processes=1, rows_per_shard=20)
    for table in (*TABLES, "ingest_rejects"):
        assert [p.read_bytes() for p in by_ray[table].paths] == [p.read_bytes() for p in alone[table].paths]
    assert by_ray["funnel"] == alone["funnel"]

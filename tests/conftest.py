"""What all tests share."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from arabic_llm_pipeline.training.quiet import offline
from tests.line import DATA, TRAINING, WHOLE, Line

offline()  # before any library of Hugging Face is imported
for library in ("OMP", "OPENBLAS", "MKL"):  # before torch and numpy are imported: no worker takes both cores
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a machine may be busy
settings.load_profile("house")
PROJECT = Path(__file__).parents[1]
SHARED_DATA = "ARABIC_LLM_SHARED_DATA"
ON_ONE_LINE = {f"tests/test_{name}.py" for name in ("line", "kills")}  # they share a run, and take longest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: what comes last should be short where two workers share the tests."""
    items.sort(key=lambda item: _file(item.nodeid) not in ON_ONE_LINE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file is done by one worker, and so are those that share a line: what they stand on is made once."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "line" if _file(nodeid) in ON_ONE_LINE else _file(nodeid)

    return Scheduling(config, log)


def _file(test: str) -> str:
    return test.partition("::")[0]


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root folder."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real Arabic data sets, which do not come with the project: their folder, or the test is skipped."""
    folder = Path(os.environ.get(SHARED_DATA, PROJECT.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip(f"no data sets in {folder}: name their folder in {SHARED_DATA}")
    return folder


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The line in the smoke environment, run to its end: the data first, then the training, then what is left."""
    line = Line.make(tmp_path_factory.mktemp("line") / "project")
    for arguments in (DATA, TRAINING, WHOLE):
        line.run(*arguments)
    return line

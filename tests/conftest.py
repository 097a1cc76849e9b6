"""What all tests share."""

import os
from pathlib import Path

import pytest

from arabic_llm_pipeline.training.quiet import offline
from tests.line import DATA, TRAINING, WHOLE, Line

offline()  # before any library of Hugging Face is imported
for library in (
    "OMP",
    "OPENBLAS",
    "MKL",
):  # before torch and numpy are: no worker takes both cores
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
PROJECT = Path(__file__).parents[1]
SHARED_DATA = "ARABIC_LLM_SHARED_DATA"
ON_ONE_LINE = ("test_line.py", "test_kills.py")  # they share a run, and take longest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where workers share the tests (`make test`), one does a file: what a file makes for its tests is made once."""
    for item in items:
        on_line = item.path.parent == PROJECT / "tests" and item.path.name in ON_ONE_LINE
        group = "line" if on_line else str(item.path.relative_to(PROJECT))
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group").args != ("line",))


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

"""What all tests share."""

import os
from pathlib import Path

import pytest

from arabic_llm_pipeline.training.quiet import offline
from tests.line import DATA, TRAINING, WHOLE, Line

offline()  # before any library of Hugging Face is imported
PROJECT = Path(__file__).parents[1]
SHARED_DATA = "ARABIC_LLM_SHARED_DATA"


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

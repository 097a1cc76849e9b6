"""Toy projects for the tests of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.artifacts.toys import HERE, Server, Toy, copy


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    found = Server()
    yield found
    assert found.process.stdin
    found.process.stdin.close()
    found.process.wait()


@pytest.fixture
def new(tmp_path: Path, server: Server) -> Toy:
    """A toy project that has not run."""
    return Toy(copy(HERE / "toy", tmp_path / "new"), server)


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Toy:
    made = Toy(copy(HERE / "toy", tmp_path_factory.mktemp("finished") / "toy"), server)
    made.run()
    return made


@pytest.fixture
def toy(tmp_path: Path, _finished: Toy) -> Toy:
    """One that has run once."""
    return Toy(copy(_finished.root, tmp_path / "toy"), _finished.server)

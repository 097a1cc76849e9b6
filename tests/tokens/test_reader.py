"""Both forms of a store under many readers: workers, forks, open files, rows as a list has them."""

import multiprocessing
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.tokens import store_writer
from arabic_llm_pipeline.tokens.prompts import PairStore
from arabic_llm_pipeline.tokens.store import TokenSplit, TokenStore
from arabic_llm_pipeline.tokens.writing import corpus_digest, write_documents, write_pairs

from .conftest import document, pair, sentences

Corpus = Callable[..., ShardSet]
FORMS = {
    "hdf5": {"memory_map": ()},
    "memory-mapped": {"memory_map": ("train",)},
    "hdf5 in parts": {"memory_map": (), "part_mb": 1},
}
PART = 8192  # bytes of a part, here


@pytest.fixture(params=FORMS)
def split(
    request: pytest.FixtureRequest, corpus: Corpus, bpe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TokenSplit]:
    monkeypatch.setattr(TokenizeSettings, "part_bytes", property(lambda self: PART * self.part_mb))
    rows = [document(i, text, source=f"s{i % 3}") for i, text in enumerate(sentences(300))]
    settings = TokenizeSettings(window=16, max_prompt=8, **FORMS[request.param])
    found = TokenStore(write_documents(corpus(rows), bpe, settings, tmp_path / "store")).split("train")
    yield found
    found.close()


def all_rows(split: TokenSplit) -> list[list[int]]:
    return [tokens.tolist() for tokens, _ in split[:]]


def test_rows_as_a_list_has_them(split: TokenSplit) -> None:
    every = all_rows(split)
    assert len(every) == len(split) == 300
    assert split[7][0].tolist() == every[7]
    assert split[-1][0].tolist() == every[-1]
    assert [tokens.tolist() for tokens, _ in split[290::4]] == every[290::4]
    assert [split[int(i)][0].tolist() for i in split.select(sources=["s1"])] == every[1::3]
    for out in (300, -301):
        with pytest.raises(IndexError, match=f"row {out} of 300"):
            split[out]


def test_random_windows_are_windows(split: TokenSplit) -> None:
    flat = list(chain.from_iterable(all_rows(split)))
    text = " ".join(map(str, flat))
    rng = np.random.default_rng(0)
    found = [split.random_window(40, rng)[0].tolist() for _ in range(50)]
    assert all(len(window) == 40 and " ".join(map(str, window)) in text for window in found)
    assert len({tuple(window) for window in found}) > 40
    assert split.random_window(10**6, rng)[0].tolist() == flat


class Documents:
    """A data set of torch's kind: a length, and items."""

    def __init__(self, split: TokenSplit):
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, i: int) -> list[int]:
        return self.split[i][0].tolist()


def as_they_are(rows: list[list[int]]) -> list[list[int]]:
    return rows


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_loader(split: TokenSplit, method: str) -> None:
    """After this process has read, too: its handle is open when workers are forked."""
    from torch.utils.data import DataLoader

    every = all_rows(split)
    loader = DataLoader(
        Documents(split), batch_size=25, num_workers=2, collate_fn=as_they_are, multiprocessing_context=method
    )
    assert list(chain.from_iterable(loader)) == every
    assert all_rows(split) == every


def open_files(folder: Path) -> list[str]:
    """What this process has open or mapped there."""
    names = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            names.append(str(link.readlink()))
    mapped = [line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()]
    return [name for name in (*names, *mapped) if name.strip().startswith(str(folder))]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_handles_are_let_go_of(split: TokenSplit) -> None:
    folder = split.path.parent
    assert open_files(folder) == []  # only checked so far
    for again in range(2):
        with split:
            expected = split[again][0].tolist()
            assert open_files(folder)
        assert open_files(folder) == []
        assert split[again][0].tolist() == expected
        split.close()
    loaded = pickle.loads(pickle.dumps(split))
    loaded[3]
    del loaded  # without being closed
    assert open_files(folder) == []


def test_nothing_is_written_by_reading(split: TokenSplit) -> None:
    before = {path.name: path.read_bytes() for path in split.path.parent.iterdir()}
    for path in split.path.parent.iterdir():
        path.chmod(0o444)
    split.verify()
    tokens, _ = split[0]
    if not tokens.flags.writeable:
        with pytest.raises(ValueError, match="read-only"):
            tokens[:] = 0
    else:
        tokens[:] = 0  # a copy
    assert {path.name: path.read_bytes() for path in split.path.parent.iterdir()} == before


def test_parts_have_the_size_that_was_asked_for(split: TokenSplit) -> None:
    files = sorted(split.path.parent.glob("train*.h5"))
    if len(files) == 1:
        assert files == [split.path]
        return
    assert [path.name for path in files[:2]] == ["train-00000.h5", "train-00001.h5"]
    sizes = [path.stat().st_size for path in files]
    assert len(sizes) > 2
    assert sizes[0] == max(sizes) == PART
    assert TokenStore(split.path.parent).splits == ["dev", "test", "train"]
    middle = files[len(files) // 2]
    for damage in (lambda path: path.write_bytes(path.read_bytes()[:100]), lambda path: path.unlink()):
        damage(middle)
        with pytest.raises(UserError, match=r"kedro run --pipelines=tokenize"):
            TokenSplit(split.path).verify()


def child(split: TokenSplit, queue: "multiprocessing.Queue[int]") -> None:
    queue.put(sum(map(len, all_rows(split))))


def test_a_fork_of_a_fork(split: TokenSplit) -> None:
    wanted = sum(map(len, all_rows(split)))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=child, args=(split, queue)) for _ in range(3)]
    for one in children:
        one.start()
    assert [queue.get(timeout=60) for _ in children] == [wanted] * 3
    for one in children:
        one.join()


def test_the_file_says_what_made_it(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    shards = corpus([document(0, "نص")])
    store = TokenStore(write_documents(shards, bpe, TokenizeSettings(learned="last_answer"), tmp_path / "a"))
    about = store.split("train").about
    assert about["parameters"] == {"window": 256, "max_prompt": 128, "learned": "last_answer"}
    store.check_made_from({"corpus": corpus_digest(shards)})
    with pytest.raises(UserError, match=r"was made with another corpus .*kedro run --pipelines=tokenize"):
        store.check_made_from({"corpus": corpus_digest(corpus([document(0, "نص اخر")], "other"))})


def test_prompts_are_shared_within_bounds(
    corpus: Corpus, bpe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forgotten lies there again; what a row holds stays right."""
    monkeypatch.setattr(store_writer, "KNOWN", 2)
    rows = [pair(n, f"سؤال {n % 4}", f"جواب {n}", "لا") for n in range(16)]
    shards = corpus(rows)
    few = PairStore(write_pairs(shards, bpe, TokenizeSettings(batch_characters=20), tmp_path / "few")).split("train")
    monkeypatch.undo()
    all_ = PairStore(write_pairs(shards, bpe, TokenizeSettings(), tmp_path / "all")).split("train")
    assert all_.count("prompt_offsets") == 4 + 1
    assert 4 < few.count("prompt_offsets") - 1 <= 16
    for i in range(16):
        assert [part.tolist() for part in few.row(i)] == [part.tolist() for part in all_.row(i)]

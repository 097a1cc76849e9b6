"""From the store to batches: compared with documents run one by one."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import DocumentSelection, PairSelection
from arabic_llm_pipeline.tokens.pairs import PairStore
from arabic_llm_pipeline.tokens.store import TokenStore
from arabic_llm_pipeline.training.batches import IGNORED, DocumentRows, PairRows, Schedule, WindowRows, schedule
from arabic_llm_pipeline.training.models import load_base
from tests.training.conftest import FULL, WINDOW, sft

VOCABULARY = 400
EVERYTHING = DocumentSelection(kinds=None)


@given(st.integers(1, 50), st.integers(1, 9), st.integers(1, 40), st.integers(0, 5))
def test_every_row_comes_once_in_a_pass(rows: int, batch: int, steps: int, seed: int) -> None:
    plan = Schedule(rows, batch, steps, seed)
    order = plan.order()
    assert len(order) == steps * batch
    for start in range(0, len(order) - rows + 1, rows):
        assert sorted(order[start : start + rows]) == list(range(rows))
    assert plan.epoch(steps) == pytest.approx(len(order) / rows)
    assert (order == Schedule(rows, batch, steps, seed).order()).all()


def test_the_order_hangs_on_the_seed_and_the_pass() -> None:
    order = Schedule(40, 8, 10, 0).order()
    assert (order[:40] != order[40:]).any()
    assert (order != Schedule(40, 8, 10, 1).order()).any()
    longer = Schedule(40, 8, 20, 0).order()
    assert (longer[:80] == order).all()


def test_steps_or_epochs() -> None:
    assert schedule(100, sft(steps=7, micro_batch=5), 7, 0).steps == 7
    assert schedule(100, sft(steps=0, epochs=3, micro_batch=5, accumulation=2), 0, 0).steps == 30
    assert schedule(3, sft(steps=0, epochs=1, micro_batch=50), 0, 0).steps == 1


@pytest.mark.parametrize("packing", [False, True])
def test_rows_are_documents_with_labels_on_what_is_learned(document_tokens: Path, packing: bool) -> None:
    """Each document is found again in the batch by its own tokens, with position ids from 0 and its mask as labels."""
    rows = DocumentRows(document_tokens, sft(packing=packing, selection=EVERYTHING), VOCABULARY)
    split = TokenStore(document_tokens).split("train")
    batch = rows.collate(range(len(rows)))
    ids, positions, labels = (batch[name].numpy() for name in ("input_ids", "position_ids", "labels"))
    assert ids.shape[1] <= WINDOW
    seen = 0
    for row, pieces in enumerate(rows.rows):
        at = 0
        for piece in pieces:
            document, start, length = (
                int(part[piece]) for part in (rows.pieces.document, rows.pieces.start, rows.pieces.length)
            )
            tokens, mask = split.document(document)
            tokens, mask = tokens[start : start + length].astype(int), mask[start : start + length]
            place = slice(at, at + length)
            assert (ids[row, place] == tokens).all()
            assert (positions[row, place] == np.arange(length)).all()
            assert labels[row, at] == IGNORED
            assert labels[row, place].tolist() == [IGNORED] + [
                token if learned else -100 for token, learned in zip(tokens[1:].tolist(), mask[1:], strict=True)
            ]
            at, seen = at + length, seen + length
        assert (labels[row, at:] == IGNORED).all()
    assert batch["tokens"] == seen
    assert len(rows.rows) < len(rows.pieces) if packing else len(rows.rows) == len(rows.pieces)


def test_long_documents_are_cut_and_short_ones_kept(document_tokens: Path) -> None:
    rows = DocumentRows(document_tokens, sft(selection=EVERYTHING), VOCABULARY)
    split = TokenStore(document_tokens).split("train")
    prose = split.kinds == "prose"
    in_pieces = np.bincount(rows.pieces.document, rows.pieces.length, minlength=len(split))
    assert (in_pieces[prose] == split.lengths[prose]).all()
    assert (in_pieces[~prose] == np.minimum(split.lengths[~prose], WINDOW)).all()
    assert rows.pieces.truncated == 1


@pytest.mark.parametrize("packing", [False, True])
def test_neighbours_in_a_row_do_not_see_each_other(base: dict, document_tokens: Path, packing: bool) -> None:
    """The truth: each piece alone in the model, without padding, positions or mask."""
    rows = DocumentRows(document_tokens, sft(packing=packing, selection=EVERYTHING), VOCABULARY)
    model = load_base(base, FULL).eval()
    batch = rows.collate(range(len(rows)))
    with torch.no_grad():
        together = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"]).logits
        for row, pieces in enumerate(rows.rows):
            at = 0
            for piece in pieces:
                tokens = torch.from_numpy(rows._piece(piece)[0].astype(np.int64))[None]
                alone = model(tokens).logits[0]
                torch.testing.assert_close(together[row, at : at + len(alone)], alone, atol=2e-5, rtol=0)
                at += len(alone)


def test_a_selection_is_a_selection(document_tokens: Path) -> None:
    split = TokenStore(document_tokens).split("train")
    rows = DocumentRows(document_tokens, sft(selection=DocumentSelection(dialects=("EGY",))), VOCABULARY)
    assert set(split.dialects[rows.pieces.document]) == {"EGY"}
    assert set(split.kinds[DocumentRows(document_tokens, sft(), VOCABULARY).pieces.document]) == {
        "instruction",
        "conversation",
    }
    with pytest.raises(UserError, match="No source is called 'nowhere'"):
        DocumentRows(document_tokens, sft(selection=DocumentSelection(sources=("nowhere",))), VOCABULARY)
    with pytest.raises(UserError, match="is chosen to train on"):
        DocumentRows(document_tokens, sft(selection=DocumentSelection(kinds=("prose",), sources=("chat",))), VOCABULARY)


@pytest.mark.parametrize("packing", [False, True])
def test_a_source_comes_as_often_as_it_counts(document_tokens: Path, packing: bool) -> None:
    def seen(**weights: float) -> Counter[str]:
        selection = EVERYTHING.model_copy(update={"weights": weights})
        rows = DocumentRows(document_tokens, sft(packing=packing, selection=selection), VOCABULARY)
        documents = rows.pieces.document[np.concatenate(rows.rows)]
        assert max(Counter(documents.tolist()).values()) < 20
        return Counter(rows.split.sources[documents].tolist())

    once = seen()
    assert seen(chat=3, wiki=0) == {"chat": 3 * once["chat"]}
    assert seen(chat=0.5) == {"chat": once["chat"] // 2, "wiki": once["wiki"]}
    assert seen(chat=1.5)["chat"] == once["chat"] * 3 // 2
    with pytest.raises(UserError, match="No source is called 'cat'"):
        seen(cat=2)


def test_pairs_come_as_often_as_their_source_counts(pair_tokens: Path) -> None:
    once = PairRows(pair_tokens, PairSelection(), VOCABULARY)
    [source] = set(once.split.sources)
    twice = PairRows(pair_tokens, PairSelection(weights={source: 2}), VOCABULARY)
    assert twice.chosen.tolist() == [row for row in once.chosen for _ in range(2)]


def test_a_damaged_store_is_refused(document_tokens: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(document_tokens, tmp_path / "tokens")
    [path] = damaged.glob("train*tokens*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="column tokens has checksum"):
        DocumentRows(damaged, sft(), VOCABULARY)


def test_tokens_of_another_tokenizer_are_refused(document_tokens: Path, pair_tokens: Path) -> None:
    with pytest.raises(UserError, match="the model's embedding has 50 rows"):
        DocumentRows(document_tokens, sft(), 50).collate([0, 1, 2])
    with pytest.raises(UserError, match="the model's embedding has 50 rows"):
        PairRows(pair_tokens, PairSelection(), 50).collate([0, 1, 2])


def test_windows_cover_the_text_once(document_tokens: Path) -> None:
    split = TokenStore(document_tokens).split("train")
    rows = WindowRows(document_tokens, VOCABULARY)
    batch = rows.collate(range(len(rows)))
    text = split.column("tokens").astype(np.int64)
    learned = batch["labels"][batch["labels"] != IGNORED].numpy()
    assert (learned == text[1 : len(rows) * WINDOW + 1]).all()
    assert len(text) - 1 - len(learned) < WINDOW
    assert batch["input_ids"].shape == (len(rows), WINDOW + 1)


def test_pairs_as_trl_has_them(pair_tokens: Path) -> None:
    rows = PairRows(pair_tokens, PairSelection(), VOCABULARY)
    batch = rows.collate([2, 0])
    split = PairStore(pair_tokens).split("train")
    for place, (row, answer) in enumerate([(2, 1), (0, 1), (2, 2), (0, 2)]):
        parts = split.pair(row)
        whole = np.concatenate([parts[0], parts[answer]]).tolist()
        assert batch["input_ids"][place, : len(whole)].tolist() == whole
        assert batch["attention_mask"][place].sum() == len(whole)
        learned = batch["input_ids"][place][batch["completion_mask"][place].bool()].tolist()
        assert learned == parts[answer].tolist()
    assert batch["tokens"] == int(batch["attention_mask"].sum())

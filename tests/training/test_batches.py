"""From the store to batches: compared with documents run one by one."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import DOCUMENTS, message
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.parameters.training import DocumentSelection, Mixture
from arabic_llm_pipeline.tokens.prompts import PairStore
from arabic_llm_pipeline.tokens.store import TokenStore
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, render
from arabic_llm_pipeline.tokens.writing import write_documents
from arabic_llm_pipeline.training.batches import IGNORED, DocumentRows, WindowRows
from arabic_llm_pipeline.training.models import load_base
from arabic_llm_pipeline.training.preference_batches import PairRows
from arabic_llm_pipeline.training.schedule import Schedule, schedule
from tests.training.conftest import FULL, WINDOW, dpo, sentence, sft, write

VOCABULARY = 400
EVERYTHING = DocumentSelection(kinds=None)


@given(st.integers(1, 50), st.integers(1, 9), st.integers(1, 40), st.integers(0, 5))
def test_every_row_comes_once_in_a_pass(rows: int, batch: int, steps: int, seed: int) -> None:
    plan = Schedule((rows,), batch, steps, seed)
    order = plan.order()
    assert len(order) == steps * batch
    for start in range(0, len(order) - rows + 1, rows):
        assert sorted(order[start : start + rows]) == list(range(rows))
    assert plan.epoch(steps) == pytest.approx(len(order) / rows)
    assert (order == Schedule((rows,), batch, steps, seed).order()).all()


def test_the_order_hangs_on_the_seed_and_the_pass() -> None:
    order = Schedule((40,), 8, 10, 0).order()
    assert (order[:40] != order[40:]).any()
    assert (order != Schedule((40,), 8, 10, 1).order()).any()
    longer = Schedule((40,), 8, 20, 0).order()
    assert (longer[:80] == order).all()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 40))
def test_passes_of_different_rows_come_in_turn(passes: list[int], places: int) -> None:
    order = Schedule(tuple(passes), 1, places, 3).order().tolist()
    starts, number, at = np.cumsum([0, *passes]), 0, 0
    while at < places:
        which = number % len(passes)
        part = order[at : at + passes[which]]
        assert set(part) <= set(range(starts[which], starts[which + 1]))
        assert len(set(part)) == len(part)
        number, at = number + 1, at + passes[which]


def test_steps_or_epochs() -> None:
    assert schedule((100,), sft(steps=7, micro_batch=5), 0).steps == 7
    assert schedule((100,), sft(steps=0, epochs=3, micro_batch=5, accumulation=2), 0).steps == 30
    assert schedule((3,), sft(steps=0, epochs=1, micro_batch=50), 0).steps == 1


@pytest.mark.parametrize("packing", [False, True])
def test_rows_are_documents_with_labels_on_what_is_learned(document_tokens: Path, packing: bool) -> None:
    """Each document is found again in the batch by its own tokens, with position ids from 0 and its mask as labels."""
    rows = DocumentRows(document_tokens, sft(packing=packing, selection=EVERYTHING), VOCABULARY, 0)
    split = TokenStore(document_tokens).split("train")
    batch = rows.collate(range(len(rows.rows)))
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
    rows = DocumentRows(document_tokens, sft(selection=EVERYTHING), VOCABULARY, 0)
    split = TokenStore(document_tokens).split("train")
    prose = split.kinds == "prose"
    in_pieces = np.bincount(rows.pieces.document, rows.pieces.length, minlength=len(split))
    assert (in_pieces[prose] == split.lengths[prose]).all()
    assert (in_pieces[~prose] == np.minimum(split.lengths[~prose], WINDOW)).all()
    assert (rows.pieces.truncated, rows.pieces.dropped) == (1, 0)


def test_what_is_done_to_conversations_that_are_too_long(tokenizer: Path, tmp_path: Path) -> None:
    """Four turns, the second answer of which crosses the window; and one whose question alone fills it."""
    turns = [(message("user", sentence(n, 4)), message("assistant", sentence(n + 1, 8 + 20 * n))) for n in range(2)]
    long = {"source": "chat", "kind": "conversation", "messages": [*turns[0], *turns[1]]}
    asked = {**long, "messages": [message("user", sentence(5, 90)), message("assistant", "نعم")]}
    shards = write(tmp_path / "shards", DOCUMENTS, [{"id": "chat/0", **long}, {"id": "chat/1", **asked}])
    store = write_documents(shards, tokenizer, TokenizeSettings(window=WINDOW, max_prompt=24), tmp_path)
    split, loaded = TokenStore(store).split("train"), load_tokenizer(tokenizer)
    assert (split.lengths > WINDOW).all()

    def made(too_long: str) -> DocumentRows:
        return DocumentRows(store, sft(too_long=too_long), VOCABULARY, 0)

    cut = made("cut")
    assert (cut.pieces.length.tolist(), cut.pieces.truncated, cut.pieces.dropped) == ([WINDOW], 1, 1)
    turn = made("turn")
    assert (turn.pieces.truncated, turn.pieces.dropped) == (1, 1)
    ids, mask = turn._piece(0)
    wanted, _ = render(loaded, long["messages"][:2])
    assert loaded.decode(ids) == loaded.decode(wanted).rstrip("\n")
    assert mask[-1] == 1
    split_up = made("split")
    assert (split_up.pieces.truncated, split_up.pieces.dropped) == (0, 0)
    assert np.bincount(split_up.pieces.document, split_up.pieces.length).tolist() == split.lengths.tolist()
    with pytest.raises(UserError, match=r"Nothing in .* is chosen"):
        made("drop")


def test_a_mixture_draws_by_weight_and_goes_on_in_the_next_pass(document_tokens: Path, pair_tokens: Path) -> None:
    mixture = Mixture(dialects={"EGY": 3.0})
    rows = DocumentRows(document_tokens, sft(mixture=mixture, steps=0, epochs=3), VOCABULARY, 5)
    split = TokenStore(document_tokens).split("train")
    egyptian = split.dialects[rows.pieces.document] == "EGY"  # 7 of 22
    drawn = [int(row[0]) for row in rows.rows]
    assert len(rows.passes) == 3
    assert egyptian[drawn].mean() == pytest.approx(3 * 7 / (3 * 7 + 15), abs=0.03)
    times = np.bincount(drawn, minlength=len(egyptian))
    assert np.ptp(times[egyptian]) <= 1
    assert np.ptp(times[~egyptian]) <= 1
    assert rows.about()["dialects"]["EGY"] == {"rows": 7, "share": round(21 / 36, 4)}
    again = DocumentRows(document_tokens, sft(mixture=mixture, steps=0, epochs=3), VOCABULARY, 5)
    assert [row.tolist() for row in again.rows] == [row.tolist() for row in rows.rows]
    pairs = PairRows(pair_tokens, dpo(mixture=Mixture(sources={"pref": 2.0})), VOCABULARY, 0)
    assert sorted(pairs.rows[: pairs.passes[0]]) == list(range(24))
    with pytest.raises(UserError, match="No source is called 'wikki'"):
        DocumentRows(document_tokens, sft(mixture=Mixture(sources={"wikki": 2.0})), VOCABULARY, 0)
    with pytest.raises(UserError, match="The mixture leaves nothing to train on"):
        PairRows(pair_tokens, dpo(mixture=Mixture(sources={"pref": 0.0})), VOCABULARY, 0)


@pytest.mark.parametrize("packing", [False, True])
def test_neighbours_in_a_row_do_not_see_each_other(base: dict, document_tokens: Path, packing: bool) -> None:
    """The truth: each piece alone in the model, without padding, positions or mask."""
    rows = DocumentRows(document_tokens, sft(packing=packing, selection=EVERYTHING), VOCABULARY, 0)
    model = load_base(base, FULL).eval()
    batch = rows.collate(range(len(rows.rows)))
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
    rows = DocumentRows(document_tokens, sft(selection=DocumentSelection(dialects=("EGY",))), VOCABULARY, 0)
    assert set(split.dialects[rows.pieces.document]) == {"EGY"}
    assert set(split.kinds[DocumentRows(document_tokens, sft(), VOCABULARY, 0).pieces.document]) == {
        "instruction",
        "conversation",
    }
    with pytest.raises(UserError, match="No source is called 'nowhere'"):
        DocumentRows(document_tokens, sft(selection=DocumentSelection(sources=("nowhere",))), VOCABULARY, 0)
    with pytest.raises(UserError, match="is chosen to train on"):
        DocumentRows(
            document_tokens, sft(selection=DocumentSelection(kinds=("prose",), sources=("chat",))), VOCABULARY, 0
        )


def test_a_damaged_store_is_refused(document_tokens: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(document_tokens, tmp_path / "tokens")
    [path] = damaged.glob("train*tokens*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="column tokens has checksum"):
        DocumentRows(damaged, sft(), VOCABULARY, 0)


def test_tokens_of_another_tokenizer_are_refused(document_tokens: Path, pair_tokens: Path) -> None:
    with pytest.raises(UserError, match="the model's embedding has 50 rows"):
        DocumentRows(document_tokens, sft(), 50, 0).collate([0, 1, 2])
    with pytest.raises(UserError, match="the model's embedding has 50 rows"):
        PairRows(pair_tokens, dpo(), 50, 0).collate([0, 1, 2])


def test_windows_cover_the_text_once(document_tokens: Path) -> None:
    split = TokenStore(document_tokens).split("train")
    rows = WindowRows(document_tokens, VOCABULARY)
    [count] = rows.passes
    batch = rows.collate(range(count))
    text = split.column("tokens").astype(np.int64)
    learned = batch["labels"][batch["labels"] != IGNORED].numpy()
    assert (learned == text[1 : count * WINDOW + 1]).all()
    assert len(text) - 1 - len(learned) < WINDOW
    assert batch["input_ids"].shape == (count, WINDOW + 1)


def test_pairs_as_trl_has_them(pair_tokens: Path) -> None:
    rows = PairRows(pair_tokens, dpo(), VOCABULARY, 0)
    batch = rows.collate([2, 0])
    split = PairStore(pair_tokens).split("train")
    for place, (row, answer) in enumerate([(2, 1), (0, 1), (2, 2), (0, 2)]):
        parts = split.row(row)
        whole = np.concatenate([parts[0], parts[answer]]).tolist()
        assert batch["input_ids"][place, : len(whole)].tolist() == whole
        assert batch["attention_mask"][place].sum() == len(whole)
        learned = batch["input_ids"][place][batch["completion_mask"][place].bool()].tolist()
        assert learned == parts[answer].tolist()
    assert batch["tokens"] == int(batch["attention_mask"].sum())

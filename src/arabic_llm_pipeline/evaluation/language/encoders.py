"""A word left out of its sentence, for masked language models (BERT and its like), which see both sides of the gap.

They are no candidates, but what these are seen beside: the same places, the same words to choose from. A word's
probability is that of its tokens one after the other, each with itself and the word's later ones masked (PLL-word-l2r,
Kauf and Ivanova 2023), so that its first tokens do not give away its last.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.language.fill_in import with_distractors
from arabic_llm_pipeline.evaluation.language.measure import MASKED_WORD, SET, masked_places, scored
from arabic_llm_pipeline.evaluation.language.words import Place, Pools, place_rows
from arabic_llm_pipeline.evaluation.likelihood import not_a_number
from arabic_llm_pipeline.evaluation.portions import in_portions
from arabic_llm_pipeline.evaluation.results import ALL, Row, harness, missing, score_table
from arabic_llm_pipeline.parameters.language import LanguageSettings

TOP = 5
LABEL = "Words left out (encoder)"
Beam = tuple[float, tuple[int, ...]]  # log-probability, tokens


class Word(NamedTuple):
    """A sentence as tokens, of which those from `first` to before `last` are a word."""

    ids: NDArray[np.int64]
    first: int
    last: int

    @property
    def tokens(self) -> tuple[int, ...]:
        """The word's own."""
        return tuple(int(token) for token in self.ids[self.first : self.last])


class Gap(NamedTuple):
    """Tokens with masks among them; `token` is scored at `place`."""

    ids: NDArray[np.int64]
    place: int
    token: int


class Found(NamedTuple):
    """What a model says of a gap: the token's log-probability, and the most probable ones with theirs."""

    nats: float
    best: list[tuple[int, float]]


def scores(directories: Mapping[str, Path], prose: pl.DataFrame, settings: LanguageSettings, seed: int) -> pl.DataFrame:
    """Scores (`SCORES`) of each encoder: by `encoder`, the group its name; and by `encoder NAME`, the group a dialect.

    accuracy is that of causal models: the true word before its distractors; top_1 and top_5 are of all words.

    Args:
        directories: of the models, by name.
        prose: what candidates read: id, source, dialect, text.
        settings: as for candidates.
        seed: the same.
    """
    metrics = {"accuracy": "right", "top_1": "top_1", f"top_{TOP}": f"top_{TOP}"}
    about = {"harness": harness(), "seed": seed, "decoding": "masked likelihood, left to right within the word"}
    found: list[Row] = []
    for name, directory in directories.items():
        model, tokenizer = load(directory)
        asked, places, pools = masked_places(prose, settings, seed)
        guessed = measure(model, tokenizer, places, asked, pools, settings, seed)
        rows, _ = scored(
            MASKED_WORD, guessed, metrics, asked, settings, seed, about, "no place that it could be asked at"
        )
        found += [row | _named(name, row) for row in rows if row["by"] in {ALL, "dialect"}]
    none = missing(MASKED_WORD, SET, "accuracy", "language.encoders names none")
    return score_table(found or [none | {"by": "encoder"}])


def _named(name: str, row: Row) -> Row:
    return {"by": "encoder", "group": name} if row["by"] == ALL else {"by": f"encoder {name}"}


def load(directory: Path) -> tuple[Any, Any]:
    """Model and tokenizer of a masked language model.

    Raises:
        UserError: they cannot be loaded, or the tokenizer has no mask or no offsets.
    """
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    from arabic_llm_pipeline.training.models import device

    own = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, **own)
        model = AutoModelForMaskedLM.from_pretrained(directory, use_safetensors=True, **own)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"language.encoders: {directory.name} is no masked language model with safetensors: {error}"
        ) from error
    if tokenizer.mask_token_id is None or not tokenizer.is_fast:
        raise UserError(f"language.encoders: the tokenizer of {directory.name} has no mask token or no tokenizer.json.")
    model.candidate = directory.name
    return model.to(device()).eval(), tokenizer


def measure(
    model: Any,
    tokenizer: Any,
    places: Sequence[Place],
    documents: pl.DataFrame,
    pools: Pools,
    settings: LanguageSettings,
    seed: int,
) -> pl.DataFrame:
    """What is found at each place: document, start, word, distractors, right, top_1, top_5.

    `right` is as for causal models (`fill_in.measure`). `top_1`, `top_5`: whether the true word is the most probable,
    or one of five, of all words of as many tokens as it has; found from left to right, five beginnings at a time.
    Sentences longer than the model can see are left out.
    """
    asked = with_distractors(places, documents, pools, settings.words.distractors, seed)
    limit = int(model.config.max_position_embeddings)
    read = [[_located(tokenizer, place, word) for word in (place.word, *others)] for place, others in asked]
    known = [[word for word in row if word and len(word.ids) <= limit] for row in read]
    whole = [at for at, row in enumerate(known) if len(row) == len(read[at])]
    asked, words = [asked[at] for at in whole], [known[at] for at in whole]
    ask = _Asking(model, tokenizer, settings.batch_size, [f"document {documents['id'][p.document]}" for p, _ in asked])
    nats = ask.words(words)
    ranked = ask.ranked([row[0] for row in words], settings.words.tokens)
    return place_rows([place for place, _ in asked]).with_columns(
        pl.Series("distractors", [others for _, others in asked], pl.List(pl.String)),
        pl.Series("right", [row[0] > max(row[1:]) for row in nats], pl.Boolean),
        *(pl.Series(f"top_{rank}", [row[0].tokens in best[:rank] for row, best in zip(words, ranked, strict=True)],
                    pl.Boolean) for rank in (1, TOP)),
    )  # fmt: skip


def _located(tokenizer: Any, place: Place, word: str) -> Word | None:
    """The sentence with this word in the place; None where the tokenizer leaves nothing of the word."""
    text, end = place.filled(word), place.start + len(word)
    encoded = tokenizer(text, return_offsets_mapping=True)
    own = [at for at, (a, b) in enumerate(encoded["offset_mapping"]) if a < end and b > place.start and b > a]
    return Word(np.array(encoded["input_ids"], np.int64), own[0], own[-1] + 1) if own else None


class _Asking:
    """Questions to one model about gaps."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int, names: Sequence[str]):
        self.model, self.size, self.names = model, batch_size, names
        self.mask, self.pad = int(tokenizer.mask_token_id), int(tokenizer.pad_token_id)
        self.special = list(tokenizer.all_special_ids)

    def words(self, rows: Sequence[Sequence[Word]]) -> list[list[float]]:
        """Log-probability of each word of each row."""
        every = [(at, word) for at, row in enumerate(rows) for word in row]
        gaps = [(at, self._gap(word, step)) for at, word in every for step in range(len(word.tokens))]
        found = iter(self._asked(gaps))
        sums = iter([sum(next(found).nats for _ in word.tokens) for _, word in every])
        return [[next(sums) for _ in row] for row in rows]

    def ranked(self, words: Sequence[Word], most: int) -> list[list[tuple[int, ...]]]:
        """The most probable words of as many tokens, by their tokens; none of words of more than `most`."""
        beams: list[list[Beam]] = [[(0.0, ())] for _ in words]
        for step in range(most):
            open_ = [at for at, word in enumerate(words) if step < len(word.tokens) <= most]
            gaps = [(at, self._gap(words[at], step, tokens)) for at in open_ for _, tokens in beams[at]]
            found = iter(self._asked(gaps))
            for at in open_:
                grown = [
                    (nats + more, (*tokens, token)) for nats, tokens in beams[at] for token, more in next(found).best
                ]
                beams[at] = sorted(grown, reverse=True)[:TOP]
        return [[tokens for _, tokens in of if tokens] for of in beams]

    def _gap(self, word: Word, step: int, before: tuple[int, ...] | None = None) -> Gap:
        """Of a word's token at `step`, after its own tokens or others."""
        ids, place = word.ids.copy(), word.first + step
        if before is not None:
            ids[word.first : place] = before
        ids[place : word.last] = self.mask
        return Gap(ids, place, int(word.ids[place]))

    def _asked(self, gaps: Sequence[tuple[int, Gap]]) -> list[Found]:
        def work(batch: list[int]) -> list[Found]:
            found = self._forward([gaps[at][1] for at in batch])
            for at, one in zip(batch, found, strict=True):
                if np.isnan(one.nats):
                    raise not_a_number(self.model, LABEL, self.names[gaps[at][0]])
            return found

        widths = [len(gap.ids) for _, gap in gaps]
        return in_portions(self.model, widths, work, size=self.size, kind="masked", label=LABEL)

    def _forward(self, gaps: Sequence[Gap]) -> list[Found]:
        import torch

        ids = torch.full((len(gaps), max(len(gap.ids) for gap in gaps)), self.pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, gap in enumerate(gaps):
            ids[row, : len(gap.ids)] = torch.from_numpy(gap.ids)
            mask[row, : len(gap.ids)] = 1
        with torch.inference_mode():
            logits = self.model(input_ids=ids.to(self.model.device), attention_mask=mask.to(self.model.device)).logits
            at = logits[torch.arange(len(gaps)), [gap.place for gap in gaps]].double().log_softmax(1).cpu()
            own = at[torch.arange(len(gaps)), [gap.token for gap in gaps]].tolist()
            at[:, self.special] = -torch.inf
            best = at.topk(TOP, 1)
        rows = zip(own, best.indices.tolist(), best.values.tolist(), strict=True)
        return [Found(nats, list(zip(tokens, values, strict=True))) for nats, tokens, values in rows]

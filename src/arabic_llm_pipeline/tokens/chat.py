"""Conversations and prose as token ids, with a mask of what is to be learned."""

import json
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.tokens.encoder import Encoder, Ids, Mask, overlap
from arabic_llm_pipeline.tokens.memo import Memo, splits_at_spaces
from arabic_llm_pipeline.tokens.template import ChatTemplate, Message, Span

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

Conversation = Sequence[Message]
PROBE = "1"
LITERAL, END = "\ufdd2", "\ufdd3"  # around control tokens that stand in somebody's text; noncharacters
MARKS = re.compile("[\ufdd0-\ufdd3]")
PARTS = re.compile(f"({LITERAL}[^{END}]*{END})")


class Renderer:
    """One tokenizer with its template; for any number of threads.

    A control token that stands in somebody's text is encoded as the letters it is written with: a text cannot end a
    turn. Everything else equals what `apply_chat_template` of transformers gives.
    """

    def __init__(
        self, tokenizer: "PreTrainedTokenizerFast", last_answer_only: bool = False, remember_words: bool = False
    ):
        """Compile the tokenizer's template.

        Args:
            tokenizer: one whose padding is its end of text is taken as collators take it: both count as padding, which
                is not learned, and all else of a document is.
            last_answer_only: learn only the last thing that the assistant says in a conversation.
            remember_words: look up words that were encoded before, where the tokenizer allows it: faster for corpora.
        """
        self._last_only, self._padding = last_answer_only, None
        if tokenizer.pad_token_id == tokenizer.eos_token_id:
            self._padding = tokenizer.pad_token_id
        self._backend: Tokenizer = tokenizer.backend_tokenizer
        self._backend.no_padding()  # what a caller of the tokenizer asked for last, it would go on doing
        self._backend.no_truncation()
        remember = remember_words and splits_at_spaces(self._backend)
        self._encoder = Memo(self._backend) if remember else Encoder(self._backend)
        self._template = ChatTemplate(str(tokenizer.chat_template), tokenizer.special_tokens_map)
        self._begin, self._end = _begin(tokenizer), np.array([tokenizer.eos_token_id], dtype=np.uint32)
        control = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
        self._control = re.compile("|".join(map(re.escape, sorted(control, key=len, reverse=True))) or "(?!)")
        self._suspect = re.compile(f"{self._control.pattern}|{MARKS.pattern}")

    def documents(self, documents: Sequence[Conversation]) -> list[tuple[Ids, Mask]]:
        """Ids and loss masks of prose (one message of role document) and of conversations."""
        prose = [len(document) == 1 and document[0]["role"] == "document" for document in documents]
        texts = iter(self.prose([document[0]["content"] for document in compress(documents, prose)]))
        talks = iter(self.conversations(list(compress(documents, (not is_prose for is_prose in prose)))))
        found = [next(texts if is_prose else talks) for is_prose in prose]
        if self._padding is None:
            return found
        return [(ids, (ids != self._padding).astype(np.uint8)) for ids, _ in found]

    def conversations(self, conversations: Sequence[Conversation]) -> list[tuple[Ids, Mask]]:
        """Ids and loss masks of conversations by the template; 1 in the mask is what an assistant says."""
        rendered = [self._template.render(self._guarded(messages)) for messages in conversations]
        if self._last_only:
            rendered = [(text, spans[-1:]) for text, spans in rendered]
        encoded = self._encoder.marked(rendered)
        return [
            self._spliced(text, spans) if LITERAL in text else found
            for (text, spans), found in zip(rendered, encoded, strict=True)
        ]

    def prose(self, texts: Sequence[str]) -> list[tuple[Ids, Mask]]:
        """Ids of texts, each with the end of text; a mask of ones (but for a token that begins every text)."""
        found = []
        for ids in self._encoded([self._guard(text) for text in texts]):
            mask = np.ones(len(self._begin) + len(ids) + 1, dtype=np.uint8)
            mask[: len(self._begin)] = 0
            found.append((np.concatenate([self._begin, ids, self._end]), mask))
        return found

    def prompts(self, prompts: Sequence[Conversation]) -> list[Ids]:
        """Ids of conversations that end where the assistant begins to speak."""
        return self._encoded([self._template.render(self._guarded(prompt), True)[0] for prompt in prompts])

    def answers(self, prompts: Sequence[Conversation], answers: Sequence[str]) -> list[Ids]:
        """Ids of what the assistant says to prompts, to the end of its turn; they follow the ids of the prompt.

        Raises:
            UserError: by the template, an answer does not begin where its prompt ends.
        """
        pairs = zip(prompts, answers, strict=True)
        if self._leads:
            return [self._following(*pair) for pair in pairs]
        return self._encoded([whole[place:] for place, whole in (self._answered(*pair) for pair in pairs)])

    @cached_property
    def stop_ids(self) -> list[int]:
        """Tokens after which the assistant has no more to say: its end of turn, and the end of text."""
        return sorted({self.turn_end, int(self._end[0])})

    @cached_property
    def turn_end(self) -> int:
        """The token that ends what the assistant says."""
        return int(self.answers([[{"role": "user", "content": "?"}]], ["."])[0][-1])

    @cached_property
    def _leads(self) -> bool:
        """Whether the tokenizer puts a space before every text (Llama 2, T5), so that parts are not encoded alone."""
        alone, behind = self._encoder.ids([PROBE, f"\n{PROBE}"])
        return behind[-len(alone) :].tolist() != alone.tolist()

    def _following(self, prompt: Conversation, answer: str) -> Ids:
        """The ids of an answer that was encoded behind its prompt."""
        place, whole = self._answered(prompt, answer)
        ids, mask = self._spliced(whole, [(place, len(whole))])
        return ids[mask == 1]

    def _answered(self, prompt: Conversation, answer: str) -> tuple[int, str]:
        """Where an answer begins, and prompt and answer as text."""
        begun, _ = self._template.render(self._guarded(prompt), True)
        whole, spans = self._template.render(self._guarded([*prompt, {"role": "assistant", "content": answer}]))
        if not spans or not whole.startswith(begun):
            raise UserError(
                f"By the chat template an answer does not begin where its prompt ends: {begun[-40:]!r} and "
                f"{whole[:40]!r}. Set tokenizer.template=chatml."
            )
        return len(begun), whole[: spans[-1][1]]

    def _guarded(self, messages: Conversation) -> Conversation:
        if not any(self._suspect.search(message["content"]) for message in messages):
            return messages
        return [{**message, "content": self._guard(message["content"])} for message in messages]

    def _guard(self, text: str) -> str:
        if not self._suspect.search(text):
            return text
        return self._control.sub(lambda found: f"{LITERAL}{found[0]}{END}", MARKS.sub("", text))

    def _encoded(self, texts: list[str]) -> list[Ids]:
        encoded = self._encoder.ids(texts)
        return [
            self._spliced(text, [])[0] if LITERAL in text else ids for text, ids in zip(texts, encoded, strict=True)
        ]

    def _spliced(self, text: str, spans: list[Span]) -> tuple[Ids, Mask]:
        """A text part by part, those that are to be taken literally by a tokenizer that knows no control tokens."""
        ids: list[int] = []
        places: list[Span] = []
        at = 0
        for part in PARTS.split(text):
            literal = part.startswith(LITERAL)
            body, shift = (part[1:-1], at + 1) if literal else (part, at)
            encoding = (_literal(self._backend) if literal else self._backend).encode(body, add_special_tokens=False)
            ids += encoding.ids
            places += [(start + shift, end + shift) for start, end in encoding.offsets]
            at += len(part)
        return np.array(ids, np.uint32), overlap(places, spans)


@lru_cache(2)
def _literal(tokenizer: "Tokenizer") -> "Tokenizer":
    """Its twin that knows no control tokens; a second to make for a large vocabulary.

    A unigram model finds every piece of its vocabulary in a text, also what is there as a control token.
    """
    about = json.loads(tokenizer.to_str())
    control = {token["content"] for token in about["added_tokens"] if token["special"]}
    if about["model"]["type"] == "Unigram":
        pieces = about["model"]["vocab"]
        about["model"]["vocab"] = [[f"{LITERAL}{i}" if p in control else p, s] for i, (p, s) in enumerate(pieces)]
        about["added_tokens"] = [token for token in about["added_tokens"] if not token["special"]]
    twin = type(tokenizer).from_str(json.dumps(about))
    twin.encode_special_tokens = True
    return twin


def _begin(tokenizer: "PreTrainedTokenizerFast") -> Ids:
    """What the tokenizer puts before every text, if anything."""
    begin = tokenizer.bos_token_id
    ids = tokenizer.backend_tokenizer.encode("").ids
    return np.array([begin] if begin is not None and ids[:1] == [begin] else [], dtype=np.uint32)

"""What libraries say that the user can do nothing about is left out; each saying by its own words, with the reason."""

import logging
import os
import re
import warnings
from collections.abc import Callable

OFFLINE = {
    "TRL_EXPERIMENTAL_SILENCE": "1",  # CPO and ORPO stand there; the version of TRL is pinned
    "HF_HUB_OFFLINE": "1",  # the base was fetched before; nothing else comes from outside
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",  # tokens come from the store; said aloud, so that a fork does not warn
}
SAYINGS = (
    # bitsandbytes 0.50 would fetch a faster kernel for CPUs; its own does the same
    r"Failed to load CPU gemm_4bit_forward",
    # transformers 5.23 asks its own deprecated property while it loads
    r"`is_gradient_checkpointing` is deprecated",
    r"`gradient_checkpointing_enable` is deprecated",
    # TRL 1.16 reads the older name of the setting
    r"`gradient_checkpointing(_kwargs)?` is deprecated and will be removed in v6",
    # int8 in bitsandbytes: at each of its layers
    r"MatMul8bitLt: inputs will be cast",
    # torch 2.13; transformers passes on the older name of the setting
    r"`broadcast_buffers` is deprecated",
    # the base never said what pads and ends its texts; the tokenizer that the tokens were made with does
    r"The tokenizer has new PAD/BOS/EOS tokens that differ from the model config",
)


LOGGERS = ("bitsandbytes.backends.cpu.ops", "bitsandbytes.autograd._functions")  # that say some of them


def _is_new(record: logging.LogRecord) -> bool:
    """Whether a record is no known saying."""
    return not any(re.search(saying, record.getMessage()) for saying in SAYINGS)


def offline() -> None:
    """Called before the first import of a Hugging Face library: no telemetry, and the hub is not asked."""
    os.environ.update(OFFLINE)


def hush() -> None:
    """Silence the sayings above in warnings and in logs, and the libraries' own progress bars."""
    for saying in SAYINGS:
        warnings.filterwarnings("ignore", message=saying)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_is_new)
    from datasets.utils import logging as datasets_logging
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    datasets_logging.disable_progress_bar()


def pass_on(tell: Callable[[str], None]) -> None:
    """Hand warnings that are no known saying to somebody, each once; all of them still go to standard error."""
    teller = _Teller(tell)
    logging.captureWarnings(True)
    logging.getLogger().addHandler(logging.StreamHandler())
    for name in ("", "transformers", "datasets"):  # the latter two pass nothing on to the root
        logging.getLogger(name).addHandler(teller)


class _Teller(logging.Handler):
    def __init__(self, tell: Callable[[str], None]):
        super().__init__(logging.WARNING)
        self.tell, self.told = tell, set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        text = _bare(record)
        if text not in self.told and not any(re.search(saying, text) for saying in SAYINGS):
            self.told.add(text)
            self.tell(text)


def _bare(record: logging.LogRecord) -> str:
    """A warning without the place it comes from, in one line."""
    text = record.getMessage()
    if record.name == "py.warnings":
        text = re.sub(r"^\S+:\d+: \w+: (.*?)\n.*$", r"\1", text, flags=re.DOTALL)
    return " ".join(text.split())

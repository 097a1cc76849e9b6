"""The one exception whose text is written for the person at the keyboard, and what the disk says in other words."""

import errno
import os
from collections.abc import Iterator

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's share of it, or what a process may write
SAID = (
    *map(os.strerror, NO_ROOM),
    "thrift: transport error",
)  # the last: polars, of a header


class UserError(Exception):
    """Something the user can mend: says what was wrong, what was seen, and what to change.

    The session shows its text alone, without a traceback.
    """


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, the last of them first."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


def first_line(error: BaseException) -> str:
    """What an error says first; its kind, where it says nothing."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def no_room(error: BaseException) -> bool:
    """Whether an error says that the disk is full: libraries in Rust and C++ tell it by their message alone."""
    return getattr(error, "errno", None) in NO_ROOM or any(words in str(error) for words in SAID)

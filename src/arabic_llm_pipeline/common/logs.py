"""The screen: log lines that live with progress bars in a terminal, and plain lines where there is none."""

import logging
import sys


def screen() -> logging.Handler:
    """The handler of conf/logging.yml: rich in a terminal, one line a record in a file or a pipe."""
    if sys.stderr.isatty():
        from rich import get_console
        from rich.logging import RichHandler

        return RichHandler(console=get_console(), show_path=False, log_time_format="[%X]", rich_tracebacks=True)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    return handler

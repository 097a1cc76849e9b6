"""The screen: log lines that live with progress bars in a terminal; conf/logging.yml has what files and pipes get."""

import logging
import sys


def use_terminal() -> None:
    """Where standard output is a terminal, let rich write the log, through the console that draws the bars.

    Kedro takes no handler class but its own and Python's from a configuration file, so this is done in code.
    """
    if not sys.stdout.isatty():
        return
    from rich import get_console
    from rich.logging import RichHandler

    console = get_console()
    logging.getLogger().handlers = [RichHandler(console=console, show_path=False, log_time_format="[%X]")]

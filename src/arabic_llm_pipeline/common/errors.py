"""The one exception whose text is written for the person at the keyboard."""


class UserError(Exception):
    """Something the user can mend: says what was wrong, what was seen, and what to change.

    The session shows its text alone, without a traceback.
    """

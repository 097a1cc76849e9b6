"""From everything that was measured to a page one can show."""

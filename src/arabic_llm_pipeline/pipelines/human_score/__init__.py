"""Scores of what people filled in."""

"""Finished runs side by side, from their artifacts."""

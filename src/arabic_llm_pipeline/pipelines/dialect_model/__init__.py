"""Texts whose dialect is known to the model that tags others."""

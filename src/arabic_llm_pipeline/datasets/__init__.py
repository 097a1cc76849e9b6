"""Kedro dataset classes, thin, on the artifact base."""

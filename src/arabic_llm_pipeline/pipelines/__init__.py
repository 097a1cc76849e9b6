"""Thin Kedro pipelines: a node names a step and calls a room."""

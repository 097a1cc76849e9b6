"""Scores by lm-evaluation-harness, on local copies of the data that its tasks are about."""

"""Training: a stage for each beginning of a chain."""

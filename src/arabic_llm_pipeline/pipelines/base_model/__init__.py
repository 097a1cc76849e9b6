"""Which base model a run has."""

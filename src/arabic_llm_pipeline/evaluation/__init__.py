"""What a model can do, in figures with intervals."""

"""What noise in a question does to its answer."""

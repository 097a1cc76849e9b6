"""A look at the sources."""

"""A base model of one's own."""

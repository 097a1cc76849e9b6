"""A tokenizer of one's own."""

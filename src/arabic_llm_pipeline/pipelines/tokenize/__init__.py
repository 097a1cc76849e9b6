"""From documents and pairs to tokens."""

"""Which tokenizer suits a corpus."""

"""What a model makes of held-out prose: perplexity, what the stride does to it, loss by position, words guessed."""

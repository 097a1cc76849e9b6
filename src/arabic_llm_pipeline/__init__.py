"""From raw Arabic corpora to an evaluated, documented language model on one small GPU."""

"""Models that one talks to: in the terminal, or by a file of prompts."""

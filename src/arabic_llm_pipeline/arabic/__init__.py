"""Arabic text: text in, text out, plain arguments; nothing of the house, no Kedro, no torch."""

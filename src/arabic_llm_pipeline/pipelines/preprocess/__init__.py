"""Raw files to documents, pairs, items and feedback that are clean, compared, split and counted."""

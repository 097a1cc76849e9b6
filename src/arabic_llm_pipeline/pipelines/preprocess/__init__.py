"""Raw files to documents, pairs and items that are clean, compared, split and counted."""

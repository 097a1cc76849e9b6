"""A dry run: what a recipe will take on this machine."""

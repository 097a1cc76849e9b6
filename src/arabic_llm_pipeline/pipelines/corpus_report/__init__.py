"""From a corpus to what one should know of it."""

"""Multiple choice, classification and culture: which of the choices a model finds the most likely."""

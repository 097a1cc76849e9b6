"""From a stage's result to a model that stands by itself."""

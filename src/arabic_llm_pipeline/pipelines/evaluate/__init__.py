"""What the base and each stage's model can do."""

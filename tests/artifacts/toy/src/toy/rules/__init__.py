"""What cleaning does."""

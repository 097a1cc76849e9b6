"""What people think of the answers: sheets for them, and scores of what they filled in."""

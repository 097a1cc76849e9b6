"""What people look at: the page and its plots."""

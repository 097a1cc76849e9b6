"""The token stores as a person reads them."""

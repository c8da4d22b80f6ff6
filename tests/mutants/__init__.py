"""Guards removed one by one, to see that a test notices."""

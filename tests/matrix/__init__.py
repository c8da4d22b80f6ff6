"""One matrix of decisions, asked through every way there is, and compared with a table of its own."""

"""The world file: what an operator keeps under version control, and how the database comes to hold it."""

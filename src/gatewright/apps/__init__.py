"""Apps: what developers register, their clients and secrets, and where each is installed."""

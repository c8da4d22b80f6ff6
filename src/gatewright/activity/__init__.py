"""Activity: what happened, asked for, exported and verified, and how often was called."""

"""Laws of the architecture that no linter knows, each with a planted violation it must catch."""

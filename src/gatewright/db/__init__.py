"""Storage: every table on one page, the engine, the migrations."""

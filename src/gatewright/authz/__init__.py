"""Decisions for others: a platform's own API asks who is calling, and may they (http.md, "Decisions for others")."""

"""Decisions: who is this, and may they; answered from facts in memory."""

"""Gatewright: the sign-in desk of a platform's API."""

__version__ = "0.1.0"

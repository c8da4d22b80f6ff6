"""Gatewright for a platform's own API, and for the apps that call it. See README.md."""

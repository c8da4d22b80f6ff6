"""Tests of the SDK by itself: nothing here imports the server."""

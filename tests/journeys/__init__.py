"""Journeys of the four roles through the pages, in a real browser against a real server."""

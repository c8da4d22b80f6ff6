"""Tests of the mail floor."""

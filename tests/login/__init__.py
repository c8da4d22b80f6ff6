"""Signing in: rules, passwords, sessions, invitations."""

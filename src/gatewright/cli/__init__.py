"""The command line: what an operator types. It calls the same verbs as the pages."""

from gatewright.cli.commands import main

__all__ = ["main"]

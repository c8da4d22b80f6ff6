"""The statements of the directory; they alone write its tables."""

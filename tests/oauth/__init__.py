"""The token side of OAuth: rules without a database, verbs on both."""

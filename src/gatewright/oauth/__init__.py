"""OAuth: authorize, token, introspection, revocation, metadata and keys."""

"""One file per grant type, each with the same three names: GRANT_TYPE, PARAMETERS, exchange."""

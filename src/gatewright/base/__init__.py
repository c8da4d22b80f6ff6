"""The ground floor: time, identifiers, secrets and refusals. Knows nothing of the product."""

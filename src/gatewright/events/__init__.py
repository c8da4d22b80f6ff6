"""What happened: the catalogue, the record, and the facts that events make stale."""

"""Service accounts: principals of one company that no person signs in as."""

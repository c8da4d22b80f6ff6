"""Service accounts: services and stores."""

"""Apps: rules, services and stores."""

"""The directory: companies, projects, users, contacts, tools and levels."""

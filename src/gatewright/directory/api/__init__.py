"""The directory's part of the API: contacts, levels, memberships, templates, projects, company settings."""

from gatewright.directory.api import companies, contacts, levels, templates
from gatewright.directory.api.paths import router

__all__ = ["companies", "contacts", "levels", "router", "templates"]

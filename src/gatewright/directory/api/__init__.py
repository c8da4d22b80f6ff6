"""The directory's part of the API: contacts, levels, memberships, projects, company settings."""

from fastapi import APIRouter

from gatewright.directory.api import companies, contacts, levels

router = APIRouter(tags=["directory"])
for part in (companies, contacts, levels):
    router.include_router(part.router)

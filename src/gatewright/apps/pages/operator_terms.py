"""The operator's terms of use: every published version, and a new one (D1)."""

from collections.abc import Mapping
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from gatewright.apps import service, terms_store
from gatewright.apps.pages.developer import errors_of
from gatewright.base.errors import Invalid
from gatewright.web.access import operator_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render

PLACE, TAB = "operator", "Terms of use"
PATH = "/operator/terms"


async def show(request: Request) -> Response:
    """Show the published versions, each with how many users accepted it."""
    await operator_of(request)
    return await _terms_page(request, {}, {})


async def publish(request: Request) -> Response:
    """Publish a new version: from now on it waits for every developer before their next change."""
    form = await guarded_form(request)
    viewer = await operator_of(request)
    # Browsers send CR LF; a version is the same text however it came.
    fields = {"version": form.text("version").strip(), "text": form.text("text").replace("\r\n", "\n")}
    noted = seen(request)
    try:
        published = await service.publish_terms(
            core_of(request).database, **fields, origin=noted.origin("operator", viewer.user_id), now=noted.now
        )
    except Invalid as refusal:
        return await _terms_page(request, fields, errors_of(refusal))
    said = f"Terms of use {fields['version']} are current."
    return redirect(request, PATH, flash=said if published else "This version was published before.")


async def _terms_page(request: Request, form: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    async with core_of(request).database.read() as reader:
        versions = await terms_store.load_versions(reader)
        developers = await terms_store.count_developers(reader)
    context = {
        "versions": [asdict(version) for version in versions],
        "developers": developers,
        "form": form,
        "errors": errors,
    }
    return await render(request, "operator/terms.html", context, status=422 if errors else 200, place=PLACE, tab=TAB)

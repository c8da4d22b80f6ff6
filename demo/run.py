"""Serve the demo: three companies, their people, and the apps that act for them.

The first run loads `demo/world.yaml` and plays two weeks of use; later runs keep
what is there. Run it with `make run`.
"""

import asyncio
import json
import logging
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.history import DAYS, History, clock_at
from demo.in_process import Caller
from demo.jobsite import begin_anew, played, served_beside
from demo.names import JOBSITE
from demo.people import PASSWORD
from demo.site_history import Site
from gatewright.app import create_app
from gatewright.base import clock
from gatewright.cli.applying import apply
from gatewright.cli.failures import sentences
from gatewright.cli.loading import Loaded, load_settings
from gatewright.cli.logs import configure_logging
from gatewright.cli.preparation import prepare
from gatewright.cli.serving import leave_quietly, listen, run
from gatewright.house import embedded_file, text_of_routes
from gatewright.settings import LOOPBACK, Settings

WORLD = Path(__file__).with_name("world.yaml")
CREDENTIALS = "demo.json"
ROLES = (
    ("ada@northwind.example", "company admin of Northwind Builders"),
    ("dev@northwind.example", "runs Northwind's apps, with admin: admin"),
    ("ben@northwind.example", "site engineer, a user of apps"),
    ("hugo@harbor.example", "company admin of Harbor & Sons"),
    ("kira@stonebridge.example", "company admin of Stonebridge Civil, where an app waits"),
    ("mara@surveyors.example", "surveyor, in two companies"),
    ("nils@punchlist.example", "developer of Punchlist Sync"),
    ("sofia@fieldlens.example", "developer of FieldLens, who has not accepted the terms of use yet"),
    ("olive@gatewright.example", "operator of the platform"),
)


class NotHere(Exception):
    """The demo's settings name a place that is no demo's."""


def main() -> None:
    """Serve until Ctrl-C; what fails is told in a sentence."""
    settings = None
    leave_quietly()
    try:
        loaded = load_settings(os.environ, folder=Path.cwd())
        settings = loaded.settings
        _serve(loaded)
    except Exception as error:
        told = [str(error)] if isinstance(error, NotHere) else sentences(error, settings=settings, world=WORLD)
        sys.exit("\n".join(told))


def _serve(loaded: Loaded) -> None:
    settings = loaded.settings
    place = urlsplit(settings.issuer)
    if place.hostname not in LOOPBACK or place.scheme != "http":
        raise NotHere(f"The demo is for this computer alone; GATEWRIGHT_ISSUER names {settings.issuer}.")
    routes = text_of_routes(settings)
    listener = listen(place.hostname or "127.0.0.1", place.port or 80)
    made = settings.data_dir / CREDENTIALS
    database = embedded_file(settings)
    if not made.exists() or (database is not None and not database.exists()):
        _say("Loading the demo's companies and playing two weeks of use …")
        now = clock.now()
        begin_anew(settings.data_dir)
        asyncio.run(_load(settings, made, now))
        asyncio.run(_play(settings, json.loads(made.read_text()), now))
    else:
        asyncio.run(prepare(settings))
    credentials = json.loads(made.read_text())["apps"].get(JOBSITE)
    with served_beside(settings.issuer, credentials, settings.data_dir) as where:
        _say(f"Gatewright's demo is at {settings.issuer}")
        _say(where)
        for email, role in ROLES:
            _say(f"Sign in as {email}, password {PASSWORD}  ({role})")
        _say(f"Client credentials: {made}. An app of your own: .venv/bin/python examples/integrator.py login")
        run(listener, loaded, routes=routes)


async def _load(settings: Settings, made: Path, now: datetime) -> None:
    with clock_at(now - timedelta(days=DAYS + 1)):
        await prepare(settings)
        await apply(settings, WORLD, made)


async def _play(settings: Settings, made: dict[str, Any], now: datetime) -> None:
    configure_logging("json", lowest=logging.WARNING)
    # Two weeks pass in seconds here, which no rate limit can know.
    app = create_app(settings.model_copy(update={"rate_limit_hour": 0, "rate_limit_spike": 0}))
    async with app.router.lifespan_context(app):
        jobsite = played(Caller(app, "127.0.0.1", JOBSITE), made["apps"][JOBSITE], settings.data_dir)
        await History(app, made, Site(jobsite, made)).play(now)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()

"""Two weeks on the platform, played through its pages and its API before the demo opens.

The clock is set to each day in turn, so that what was done shows when it was done.
Nothing is written past the product: a figure on a page is the sum of calls that were made.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from starlette.types import ASGIApp

from demo.in_process import Caller
from demo.names import CREW, HARBOR, NORTHWIND, PIER, POCKET, PUNCHLIST, QUAY, STONEBRIDGE
from demo.people import BROWSER, Person, Program
from demo.site_history import Site
from gatewright.base import clock

DAYS = 13
_RETURN = {
    PUNCHLIST: "https://punchlist.example/oauth/callback",
    POCKET: "http://127.0.0.1:49152/callback",
    CREW: "https://fieldlens.example/crew/callback",
}
_AGENT = {PUNCHLIST: "Punchlist-Sync/3.2", POCKET: "SitePocket/1.9 (Android 16)", CREW: "CrewOnboarding/0.8"}
_VERIFIER = "a-demo-verifier-that-is-long-enough-for-everybody"
# Who lets which app act for them, on which day; then it works for them every day.
_BEGINNINGS = (
    (0, "ada@northwind.example", PUNCHLIST, (NORTHWIND,)),
    (0, "ben@northwind.example", PUNCHLIST, (NORTHWIND,)),
    (1, "ines@harbor.example", PUNCHLIST, (HARBOR,)),
    (1, "mara@surveyors.example", POCKET, (NORTHWIND, HARBOR)),
    (2, "liam@stonebridge.example", POCKET, (STONEBRIDGE,)),
    (3, "dev@northwind.example", CREW, (NORTHWIND,)),
    (4, "jonas@harbor.example", PUNCHLIST, (HARBOR,)),
    (4, "carla@northwind.example", PUNCHLIST, (NORTHWIND,)),
    (6, "jonas@harbor.example", POCKET, (HARBOR,)),
    (8, "mara@surveyors.example", PUNCHLIST, (NORTHWIND, HARBOR)),
    (9, "ben@northwind.example", POCKET, (NORTHWIND,)),
)


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Let every request happen at `moment`."""
    real = clock.now
    clock.now = lambda: moment
    try:
        yield
    finally:
        clock.now = real


@dataclass(slots=True)
class Working:
    """An app at work for one person."""

    email: str
    app: str
    program: Program
    companies: tuple[str, ...]


@dataclass(slots=True)
class History:
    """What is played, and with whose credentials."""

    app: ASGIApp
    made: dict[str, Any]  # what `gatewright apply --credentials` writes
    site: Site  # the platform's own API
    chance: Random = field(default_factory=lambda: Random(9))  # noqa: S311
    people: dict[str, Person] = field(default_factory=dict)
    working: list[Working] = field(default_factory=list)

    async def play(self, today: datetime) -> None:
        """Play two weeks, up to an hour ago."""
        morning = today.replace(hour=7, minute=0, second=0, microsecond=0)
        for day in range(DAYS + 1):
            begins = morning - timedelta(days=DAYS - day)
            begins = min(begins, today - timedelta(hours=1))
            await self._play_day(day, begins)

    async def _play_day(self, day: int, morning: datetime) -> None:
        with clock_at(morning):
            for begins, email, app, companies in _BEGINNINGS:
                if begins == day:
                    await self._begin(email, app, companies)
            await self._service_accounts(day)
        with clock_at(morning + timedelta(minutes=25)):
            await self._admins(day)
            await self._developers(day)
        with clock_at(morning + timedelta(minutes=40)):
            is_weekend = morning.weekday() >= 5
            for working in self.working:
                calls = self.chance.randint(0, 2) if is_weekend else self.chance.randint(3, 9)
                await self._work(working, day=day, calls=calls)

    async def _begin(self, email: str, app: str, companies: tuple[str, ...]) -> None:
        person = await self._signed_in(email)
        credentials = self.made["apps"][app]
        verifier = "" if "client_secret" in credentials else _VERIFIER
        scope = "company.manage" if app == CREW else ""
        code = await person.allow(credentials["client_id"], _RETURN[app], scope=scope, verifier=verifier)
        caller = Caller(self.app, f"198.51.100.{len(self.working) + 10}", _AGENT[app])
        program = Program(caller, credentials["client_id"], credentials.get("client_secret"))
        await program.exchange(code, _RETURN[app], verifier=verifier)
        self.working.append(Working(email, app, program, companies))

    async def _work(self, working: Working, *, day: int, calls: int) -> None:
        program = working.program
        await program.renew()
        await program.call("/rest/v1.0/me")
        await self.site.work(program, working.email, working.app, day=day)
        for name in working.companies:
            company = self.made["companies"][name]["id"]
            for _ in range(calls):
                await program.call(f"/rest/v1.0/projects?company_id={company}", company=company)
            if calls > 4:
                await program.call(f"/rest/v1.0/companies/{company}/contacts", company=company)
            if calls > 7:  # asks for more than it was given: refused, and counted so
                await program.call(f"/rest/v1.0/companies/{company}/service_accounts", company=company)

    async def _service_accounts(self, day: int) -> None:
        accounts = (
            (NORTHWIND, "Nightly export", "contacts", None),
            (NORTHWIND, "Weather log", "contacts" if day == 5 else "projects", PIER),
            (HARBOR, "Tide gauge feed", "projects", QUAY),
        )
        for company, name, what, project in accounts:
            here = self.made["companies"][company]
            credentials = here["service_accounts"][name]
            caller = Caller(self.app, "198.51.100.7", "python-requests/2.32")
            program = Program(caller, credentials["client_id"], credentials["client_secret"])
            await program.renew()
            await program.call(f"/rest/v1.0/companies/{here['id']}/{what}", company=here["id"])
            await self.site.work(program, name, "", day=day)
            if project is not None:
                await self.site.log(program, project, day=day, workers=self.chance.randint(4, 30))

    async def _admins(self, day: int) -> None:
        north, harbor, stone = (
            f"/companies/{self.made['companies'][name]['id']}" for name in (NORTHWIND, HARBOR, STONEBRIDGE)
        )
        pocket, punchlist, crew = (str(self.made["apps"][name]["id"]) for name in (POCKET, PUNCHLIST, CREW))
        if day == 4:
            await self._make_account(north)
        elif day == 5:
            await self._press("hugo@harbor.example", f"{harbor}/service-accounts", name="Gate counter")
        elif day == 7:
            await self._press("ada@northwind.example", f"{north}/apps/{pocket}", "disconnect")
        elif day == 8:
            await self._press("ada@northwind.example", f"{north}/apps/{pocket}", "reconnect")
            await self._regenerate(harbor)
        elif day == 10:
            await self._press("hugo@harbor.example", f"{harbor}/apps/{punchlist}", "disconnect")
        elif day == 11:
            await self._press("kira@stonebridge.example", f"{stone}/apps/{crew}", "disconnect")
        elif day == 12:
            await self._press("ben@northwind.example", f"/account/apps/{pocket}/end")
            self.working = [one for one in self.working if (one.email, one.app) != ("ben@northwind.example", POCKET)]

    async def _developers(self, day: int) -> None:
        if day == 0:  # Sofia has not read them yet, and her pages say so (D1)
            await self._press("nils@punchlist.example", "/developer/terms")
        elif day == 6:
            page = f"/developer/apps/{self.made['apps'][PUNCHLIST]['id']}"
            await self._press("nils@punchlist.example", page, "secrets")

    async def _press(self, email: str, page: str, act: str = "", **fields: str) -> None:
        person = await self._signed_in(email)
        await person.press(page, f"{page}/{act}" if act else page, **fields)

    async def _make_account(self, north: str) -> None:
        """An app makes a service account in somebody's name, and the record says so (M8)."""
        crew = next(one.program for one in self.working if one.app == CREW)
        await crew.renew()
        company = self.made["companies"][NORTHWIND]["id"]
        await crew.write("POST", f"/rest/v1.0{north}/service_accounts", {"name": "Badge printer"}, company=company)

    async def _regenerate(self, harbor: str) -> None:
        person = await self._signed_in("hugo@harbor.example")
        shown = await person.get(f"{harbor}/service-accounts")
        found = [part.partition('"')[0] for part in shown.text.split(f'href="{harbor}/service-accounts/')[1:]]
        newest = max((part for part in found if part.isdigit()), key=int)
        page = f"{harbor}/service-accounts/{newest}"
        await person.press(page, f"{page}/regenerate")

    async def _signed_in(self, email: str) -> Person:
        if email not in self.people:
            self.people[email] = Person(Caller(self.app, f"203.0.113.{len(self.people) + 20}", BROWSER), email)
        await self.people[email].sign_in()
        return self.people[email]

"""What people and programs did at the Jobsite API: RFIs, drawings and daily logs, and what they were refused."""

from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from demo.in_process import Answer
from demo.names import COMPANY_OF, CREW, CULVERT, FERRY, LOFTS, PIER, POCKET, PUNCHLIST, QUAY, SCHOOL
from demo.people import Program, WentWrong
from gatewright.base import clock

# Who reads what each day, and through which app; a service account by its name, through none.
_READ: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("ada@northwind.example", PUNCHLIST): ((PIER, "rfis"), (SCHOOL, "rfis")),
    ("ben@northwind.example", PUNCHLIST): ((PIER, "rfis"), (PIER, "drawings"), (SCHOOL, "rfis")),
    ("carla@northwind.example", PUNCHLIST): ((PIER, "rfis"),),
    ("dev@northwind.example", CREW): ((PIER, "daily_log"),),  # is on no project
    ("ines@harbor.example", PUNCHLIST): ((QUAY, "rfis"), (QUAY, "drawings")),
    ("jonas@harbor.example", POCKET): ((FERRY, "rfis"), (FERRY, "daily_log")),
    ("liam@stonebridge.example", POCKET): ((CULVERT, "rfis"),),
    ("mara@surveyors.example", POCKET): ((PIER, "rfis"), (PIER, "drawings"), (QUAY, "rfis")),
    ("Nightly export", ""): ((PIER, "rfis"), (LOFTS, "rfis")),  # the second was never given
}


@dataclass(frozen=True, slots=True)
class _Act:
    """Something written on one day; `change` names the RFI that it answers or closes."""

    day: int
    who: str
    through: str
    project: str
    what: str
    content: dict[str, Any]
    change: str = ""
    refused: bool = False


def _asked(day: int, who: str, through: str, project: str, *told: str, refused: bool = False) -> _Act:
    return _Act(day, who, through, project, "rfis", {"subject": told[0], "question": told[1]}, refused=refused)


def _answered(day: int, who: str, through: str, project: str, subject: str, answer: str) -> _Act:
    return _Act(day, who, through, project, "rfis", {"answer": answer}, change=subject)


def _drawn(day: int, who: str, through: str, project: str, *told: str) -> _Act:
    number, title, revision = told
    content = {"number": number, "title": title, "revision": revision}
    return _Act(day, who, through, project, "drawings", content)


_BEN, _ADA, _MARA = ("ben@northwind.example", PUNCHLIST), ("ada@northwind.example", PUNCHLIST), "mara@surveyors.example"
_INES, _JONAS = ("ines@harbor.example", PUNCHLIST), ("jonas@harbor.example", POCKET)
_BEARING, _CONDUIT, _LINTEL = "Bearing under girder G4", "Conduit through pile cap 7", "Lintel over door 112"
_ANCHOR, _CLEAT = "Anchor row 3 meets the old drain", "Cleat spacing on the ferry ramp"
_ACTS = (
    _drawn(1, *_BEN, PIER, "S-201", "Pile caps, plan", "A"),
    _drawn(1, *_BEN, PIER, "S-305", "Girders G1 to G6", "A"),
    _drawn(2, *_INES, QUAY, "C-110", "Anchor rows", "1"),
    _drawn(3, _MARA, POCKET, PIER, "V-014", "Survey of the deck, west", "0"),
    _drawn(4, _MARA, POCKET, QUAY, "V-020", "Survey of the wall, before repair", "0"),
    _asked(2, *_BEN, PIER, _BEARING, "S-305 shows 40 mm of grout, the pad is set for 25. Which holds?"),
    _asked(3, *_INES, QUAY, _ANCHOR, "The drain is 300 mm higher than on C-110. May anchor 12 move south?"),
    _asked(4, *_BEN, PIER, _CONDUIT, "Two conduits, the cap leaves room for one. Which of them goes around?"),
    _answered(5, *_ADA, PIER, _BEARING, "25 mm. S-305 is revised."),
    _drawn(5, *_BEN, PIER, "S-305", "Girders G1 to G6", "B"),
    _answered(6, *_INES, QUAY, _ANCHOR, "Anchor 12 moves 450 mm south."),
    _Act(6, *_ADA, PIER, "rfis", {}, change=f"{_BEARING}/close"),
    _asked(7, *_JONAS, FERRY, _CLEAT, "Every 600 or every 900 mm?"),
    _asked(9, *_ADA, SCHOOL, _LINTEL, "The lintel is 90 mm short on the left. Recut or replace?"),
    _asked(10, "carla@northwind.example", PUNCHLIST, PIER, "Grout by the bag", "Who orders?", refused=True),
    _asked(11, *_BEN, SCHOOL, "Lintel over door 114", "Short as well.", refused=True),
    _asked(12, _MARA, POCKET, PIER, "Deck lies 12 mm low at axis 3", "Is that in the tolerance?", refused=True),
    _asked(13, "carla@northwind.example", PUNCHLIST, PIER, "Price of conduit", "Per metre?", refused=True),
)
_WEATHER = ("Dry, wind from the west.", "Rain until noon.", "Clear, 4 °C at seven.", "Fog, crane stood until ten.")


@dataclass(slots=True)
class Site:
    """The Jobsite API, and what the history remembers of it."""

    app: ASGIApp
    made: dict[str, Any]  # what `gatewright apply --credentials` writes
    rfis: dict[str, int] = field(default_factory=dict)  # subject: id

    async def work(self, program: Program, who: str, through: str, *, day: int) -> None:
        """Read what this program reads each day, and write what it wrote on this one."""
        for project, what in _READ.get((who, through), ()):
            company, path = self._place(project)
            await program.call(f"{path}/{what}", company=company, at=self.app)
        for act in _ACTS:
            if (act.day, act.who, act.through) == (day, who, through):
                await self._take(program, act)

    async def log(self, program: Program, project: str, *, day: int, workers: int) -> None:
        """Keep the day's log."""
        company, path = self._place(project)
        content = {"date": clock.now().date().isoformat(), "notes": _WEATHER[day % len(_WEATHER)], "workers": workers}
        _expect(await program.write("POST", f"{path}/daily_log", content, company=company, at=self.app), 201)

    async def _take(self, program: Program, act: _Act) -> None:
        company, path = self._place(act.project)
        method, target = "POST", f"{path}/{act.what}"
        if act.change:
            subject, _, closing = act.change.partition("/")
            method, target = "POST" if closing else "PATCH", f"{target}/{self.rfis[subject]}{'/close' * bool(closing)}"
        answer = await program.write(method, target, act.content, company=company, at=self.app)
        _expect(answer, 403 if act.refused else 200 if act.change else 201)
        if act.what == "rfis" and answer.status == 201:
            self.rfis[act.content["subject"]] = answer.json()["id"]

    def _place(self, project: str) -> tuple[int, str]:
        company = self.made["companies"][COMPANY_OF[project]]
        return company["id"], f"/rest/v1.0/projects/{company['projects'][project]['id']}"


def _expect(answer: Answer, status: int) -> None:
    if answer.status != status:
        raise WentWrong(f"Jobsite API: {answer.status} {answer.text[:300]}")

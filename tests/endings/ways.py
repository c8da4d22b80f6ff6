"""One decision asked in every way at once: all must say yes before its ending, and none after it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import httpx

from tests.endings.model import Ask, Decided, Ending
from tests.support.served import ServedWorld

FORWARD, CHECK = "/authz/forward", "/authz/check"
DISAGREED = 599  # no server answers so: some of the ways said yes, and some no


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways that lead to each worker. `proxies`: clients of the proxies in front of some of them."""

    world: ServedWorld
    proxies: Mapping[httpx.AsyncClient, httpx.AsyncClient] = field(default_factory=dict)

    def all_of(self, ending: Ending) -> Ending:
        """Return the ending as it is asked by its own request and in every way that decides; all have to agree."""
        if ending.decided is None:
            return ending
        warm = ending.warm and self._with(ending.warm, ending.warm_decided or ending.decided, ending)
        return replace(ending, ask=self._with(ending.ask, ending.decided, ending), warm=warm)

    def _with(self, ask: Ask, decided: Decided, ending: Ending) -> Ask:
        async def ask_all(worker: httpx.AsyncClient) -> httpx.Response:
            asked = [ask(worker), self._forward(worker, decided), self._check(worker, decided)]
            if decided.contact is not None:
                asked.append(self._check(worker, decided, contact=decided.contact))
            if worker in self.proxies:
                asked.append(self._proxied(self.proxies[worker], decided))
            return _agreed(await asyncio.gather(*asked), ending)

        return ask_all

    async def _forward(self, worker: httpx.AsyncClient, decided: Decided) -> httpx.Response:
        named = {"company_id": decided.company, "project_id": decided.project}
        asked = {"tool": decided.tool, "level": decided.level} | {name: one for name, one in named.items() if one}
        return await worker.get(FORWARD, params=asked, headers={"authorization": f"Bearer {decided.token}"})

    async def _check(
        self, worker: httpx.AsyncClient, decided: Decided, *, contact: int | None = None
    ) -> httpx.Response:
        gate = self.world.apps["gate"]
        question: dict[str, object] = {"token": decided.token} if contact is None else {"contact_id": contact}
        question |= {"company_id": decided.company, "tool": decided.tool, "level": decided.level}
        question |= {} if decided.project is None else {"project_id": decided.project}
        answer = await worker.post(CHECK, json={"questions": [question]}, auth=(gate.client_id, gate.secret or ""))
        assert answer.status_code == 200, answer.text
        (told,) = answer.json()["answers"]
        return httpx.Response(told["status"], json=told)

    async def _proxied(self, proxy: httpx.AsyncClient, decided: Decided) -> httpx.Response:
        on = "" if decided.project is None else f"/projects/{decided.project}"
        path = f"/companies/{decided.company}{on}/tools/{decided.tool}/{decided.level}"
        return await proxy.get(path, headers={"authorization": f"Bearer {decided.token}"})


def _agreed(answers: Sequence[httpx.Response], ending: Ending) -> httpx.Response:
    """Return an answer for all of them: the first, where they agree."""
    if all(answer.status_code in ending.allowed for answer in answers):
        return answers[0]
    if all(answer.status_code in ending.refused for answer in answers):
        return answers[0]
    said = "; ".join(f"{answer.status_code} {answer.text}" for answer in answers)
    return httpx.Response(DISAGREED, text=said)

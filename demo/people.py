"""The people and programs of the demo: they use the pages and the API like anybody else."""

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.types import ASGIApp

from demo.in_process import Answer, Caller, cookies_of

PASSWORD = "keystone-demo-1"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
_HIDDEN = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"')


class WentWrong(Exception):
    """A page or a call of the history did not answer as it does for people."""


def _expect(answer: Answer, *statuses: int, doing: str) -> Answer:
    if answer.status not in statuses:
        raise WentWrong(f"{doing}: {answer.status} {answer.text[:300]}")
    return answer


@dataclass(slots=True)
class Person:
    """Somebody in front of a browser."""

    caller: Caller
    email: str
    cookies: dict[str, str] = field(default_factory=dict)

    async def sign_in(self) -> None:
        """Sign in anew."""
        self.cookies = {}
        page = await self.get("/login")
        fields = {**_hidden(page), "email": self.email, "password": PASSWORD}
        _expect(await self.post("/login", fields), 303, doing=f"{self.email} signs in")

    async def allow(self, client_id: str, redirect_uri: str, *, scope: str = "", verifier: str = "") -> str:
        """Return the code of an app that this person lets act for them."""
        asked = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "state": "demo"}
        if scope:
            asked["scope"] = scope
        if verifier:
            asked |= {"code_challenge": _challenge(verifier), "code_challenge_method": "S256"}
        address = f"/oauth/authorize?{urlencode(asked)}"
        page = await self.get(address)
        if page.status != 303:
            fields = {**_hidden(page), "decision": "allow"}
            page = _expect(await self.post(address, fields), 303, doing=f"{self.email} allows {client_id}")
        return parse_qs(urlsplit(page.header("location")).query)["code"][0]

    async def press(self, page: str, action: str, **fields: str) -> Answer:
        """Return what a page's form answers, sent with its own token."""
        shown = _expect(await self.get(page), 200, doing=f"{self.email} opens {page}")
        return _expect(await self.post(action, {**_hidden(shown), **fields}), 200, 303, doing=f"{self.email}: {action}")

    async def get(self, target: str) -> Answer:
        """Return a page."""
        answer = await self.caller.send("GET", target, headers=self._headers())
        self.cookies |= cookies_of(answer)
        return answer

    async def post(self, target: str, fields: dict[str, str]) -> Answer:
        """Return the answer to a form."""
        answer = await self.caller.form(target, fields, headers=self._headers())
        self.cookies |= cookies_of(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}


@dataclass(slots=True)
class Program:
    """An app or a service account with its credentials, and the tokens it holds."""

    caller: Caller
    client_id: str
    secret: str | None
    access_token: str = ""
    refresh_token: str = ""

    async def exchange(self, code: str, redirect_uri: str, *, verifier: str = "") -> None:
        """Get the first tokens for a code."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        await self._ask(fields | ({"code_verifier": verifier} if verifier else {}))

    async def renew(self) -> None:
        """Get the next tokens: by the refresh token, or as a service account."""
        if self.refresh_token:
            await self._ask({"grant_type": "refresh_token", "refresh_token": self.refresh_token})
        else:
            await self._ask({"grant_type": "client_credentials"})

    async def call(self, target: str, *, company: int | None = None, at: ASGIApp | None = None) -> Answer:
        """Return the API's answer, whatever it is; `at`: another API than Gatewright's own."""
        return await self._at(at).send("GET", target, headers=self._headers(company))

    async def write(self, method: str, target: str, content: Any, *, company: int, at: ASGIApp | None = None) -> Answer:
        """Return the API's answer to a change."""
        body, headers = json.dumps(content).encode(), {"content-type": "application/json"}
        return await self._at(at).send(method, target, body=body, headers=self._headers(company) | headers)

    def _at(self, app: ASGIApp | None) -> Caller:
        return self.caller if app is None else replace(self.caller, app=app)

    async def _ask(self, fields: dict[str, str]) -> None:
        client = {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})
        answer = await self.caller.form("/oauth/token", {**client, **fields})
        tokens = _expect(answer, 200, doing=f"{self.client_id} asks for tokens").json()
        self.access_token, self.refresh_token = tokens["access_token"], tokens.get("refresh_token", "")

    def _headers(self, company: int | None) -> dict[str, str]:
        named = {"gatewright-company-id": str(company)} if company is not None else {}
        return {"authorization": f"Bearer {self.access_token}", **named}


def _hidden(page: Answer) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _HIDDEN.findall(page.text)}


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

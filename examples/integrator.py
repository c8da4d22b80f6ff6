"""A small app of a third-party developer: it acts for whoever lets it, from the command line.

    python examples/integrator.py login            opens the browser, asks, keeps the tokens
    python examples/integrator.py me
    python examples/integrator.py companies
    python examples/integrator.py projects COMPANY_ID
    python examples/integrator.py rfis PROJECT_ID --company ID
    python examples/integrator.py new-rfi PROJECT_ID --company ID --subject TEXT
    python examples/integrator.py refresh          gets new tokens now
    python examples/integrator.py logout           revokes them

It is a public client: it has no secret, proves itself with PKCE (RFC 7636), and takes the
code on a loopback address (RFC 8252). Python's standard library is all it needs. Against the
demo (`make run`) it finds its client id by itself; elsewhere name --server and --client-id.
RFIs are kept by the platform's own API, which takes the same tokens and asks Gatewright: --api.
"""

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

SERVER = "http://127.0.0.1:8400"
API = "http://127.0.0.1:8410"  # the demo's Jobsite API
APP = "Site Pocket"  # the demo's public app
DEMO = Path(__file__).resolve().parents[1] / "var" / "demo.json"
TOKENS = Path("~/.gatewright-integrator.json")
COMPANY_HEADER = "Gatewright-Company-Id"
EARLY_SECONDS = 60  # renew before the token ends, not after
LOGIN_SECONDS = 300


class Refused(Exception):
    """The server said no, or could not be asked; the text is for whoever typed the command."""


class Tokens:
    """What the server gave us, in a file that only its owner reads."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()

    def load(self) -> dict[str, Any]:
        """Return what was kept."""
        try:
            kept: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            raise Refused("Not signed in. Run: integrator.py login") from None
        except (OSError, ValueError) as error:
            raise Refused(f"{self.path} cannot be read ({error}); delete it and run: integrator.py login") from None
        return kept

    def save(self, kept: Mapping[str, Any]) -> None:
        """Keep it. Whole or not at all: a half-written file would lose the refresh token for good."""
        try:
            handle, fresh = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)  # mode 0600
        except OSError as error:
            raise Refused(f"{self.path} cannot be written ({error.strerror}); name another file by --tokens.") from None
        with os.fdopen(handle, "w") as file:
            json.dump(kept, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(self.path)

    def forget(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


class Platform:
    """The server, as this app sees it."""

    def __init__(self, server: str, client_id: str, tokens: Tokens) -> None:
        self.server = server.rstrip("/")
        self.client_id = client_id
        self.tokens = tokens

    def login(self, *, opens_browser: bool) -> None:
        """Ask the user in the browser, and keep the tokens that the code is good for."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        with CodeCatcher.served() as catcher:
            redirect_uri = f"http://127.0.0.1:{catcher.server_port}/callback"
            asked = {
                "response_type": "code",
                "client_id": self.client_id,
                "redirect_uri": redirect_uri,
                "state": state,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
            address = f"{self.server}/oauth/authorize?{urlencode(asked)}"
            print(f"Open this address and allow the app:\n{address}", flush=True)
            if opens_browser:
                webbrowser.open(address)
            code = _wait_for_code(state=state, issuer=self.server)
        self._get_tokens(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        )

    def refresh(self) -> None:
        """Exchange the refresh token for new tokens. The old one is used up by it."""
        self._get_tokens({"grant_type": "refresh_token", "refresh_token": self.tokens.load()["refresh_token"]})

    def logout(self) -> None:
        """Revoke the tokens at the server, then forget them here."""
        kept = self.tokens.load()
        _answer(self._form("/oauth/revoke", {"token": kept["refresh_token"], "client_id": self.client_id}))
        self.tokens.forget()

    def get(self, path: str, *, company: str | None = None) -> Any:
        """Return what the server's own API answers."""
        return self.call(self.server + path, company=company)

    def call(self, address: str, *, company: str | None = None, content: Mapping[str, str] | None = None) -> Any:
        """Return what an API answers, with a token that is renewed when its time comes; `content` is posted."""
        kept = self.tokens.load()
        if time.time() > kept["created_at"] + kept["expires_in"] - EARLY_SECONDS:
            self.refresh()
            kept = self.tokens.load()
        headers = {"Authorization": f"Bearer {kept['access_token']}"}
        if company is not None:
            headers[COMPANY_HEADER] = company
        if content is None:
            return _answer(Request(address, headers=headers))  # noqa: S310
        headers["Content-Type"] = "application/json"
        return _answer(Request(address, data=json.dumps(content).encode(), headers=headers))  # noqa: S310

    def _get_tokens(self, fields: Mapping[str, str]) -> None:
        answer = _answer(self._form("/oauth/token", {**fields, "client_id": self.client_id}))
        self.tokens.save({**answer, "server": self.server, "client_id": self.client_id})

    def _form(self, path: str, fields: Mapping[str, str]) -> Request:
        return Request(self.server + path, data=urlencode(fields).encode())  # noqa: S310


class CodeCatcher(BaseHTTPRequestHandler):
    """Takes the one redirect that brings the code."""

    caught: ClassVar[dict[str, str]] = {}
    has_answered: ClassVar[threading.Event] = threading.Event()

    @staticmethod
    @contextmanager
    def served() -> Iterator[ThreadingHTTPServer]:
        """Serve on any free port of this computer: the registered URI names none.

        Each connection has a thread, because browsers open some early that they may never use.
        """
        with ThreadingHTTPServer(("127.0.0.1", 0), CodeCatcher) as catcher:
            threading.Thread(target=catcher.serve_forever, daemon=True).start()
            try:
                yield catcher
            finally:
                catcher.shutdown()

    def do_GET(self) -> None:
        """Keep the query and tell the user that the browser has done its part."""
        if urlsplit(self.path).path == "/callback":
            self.caught.update(parse_qsl(urlsplit(self.path).query))
        body = b"Done. Go back to the terminal."
        self.send_response(200 if self.caught else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.caught:
            self.has_answered.set()

    def log_message(self, *_: Any) -> None:
        """Say nothing: the query holds the code."""


def _wait_for_code(*, state: str, issuer: str) -> str:
    """Return the code of a redirect that answers our own question, and nobody else's."""
    if not CodeCatcher.has_answered.wait(LOGIN_SECONDS):
        raise Refused("Nobody answered in the browser within five minutes. Run login again.")
    answered = CodeCatcher.caught
    if answered.get("state") != state:
        raise Refused("The browser came back with somebody else's answer (state differs). Run login again.")
    if "iss" in answered and answered["iss"] != issuer:  # RFC 9207: a code of another server
        raise Refused(f"The answer came from {answered['iss']}, not from {issuer}. Check --server.")
    if "code" not in answered:
        raise Refused(f"Not allowed: {answered.get('error_description') or answered.get('error', 'no reason given')}")
    return answered["code"]


def _answer(request: Request) -> Any:
    """Return the JSON of an answer; Refused, in the server's own words, when it is a no."""
    try:
        with _opener(request).open(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")
    except HTTPError as error:
        raise Refused(_reason(error)) from None
    except OSError as error:  # URLError, and what a connection that breaks off raises
        reason = getattr(error, "reason", error)
        raise Refused(f"{request.host} cannot be reached ({reason}). Does `make run` run?") from None
    except ValueError:
        raise Refused(f"{request.host} does not answer like Gatewright. Check --server.") from None


def _opener(request: Request) -> OpenerDirector:
    """Return what opens the request: past any proxy when the server is this computer."""
    is_here = (urlsplit(request.full_url).hostname or "") in {"127.0.0.1", "::1", "localhost"}
    return build_opener(*([ProxyHandler({})] if is_here else []))


def _reason(error: HTTPError) -> str:
    try:
        told = json.loads(error.read())
    except ValueError:
        return f"The server answered {error.code} without a reason."
    if isinstance(told.get("error"), dict):  # the API
        said = told["error"]
        return f"{error.code} {said['code']}: {said['message'].removesuffix('.')}. {said['help']}"
    described = told.get("error_description", "")
    again = " Run: integrator.py login" if told.get("error") == "invalid_grant" else ""
    return f"{error.code} {told.get('error')}: {described}{again}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help=f"where Gatewright is; {SERVER} or where one signed in last")
    parser.add_argument("--api", default=API, help=f"where the platform's own API is; {API}")
    parser.add_argument("--client-id", help=f"id of the app; that of {APP} in the demo")
    parser.add_argument("--tokens", type=Path, default=TOKENS, help=f"file for the tokens; {TOKENS}")
    parser.add_argument("--demo", type=Path, default=DEMO, help=f"the demo's credentials; {DEMO}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("login").add_argument("--no-browser", action="store_true", help="print the address only")
    for name in ("me", "companies", "refresh", "logout"):
        commands.add_parser(name)
    commands.add_parser("projects").add_argument("company_id", nargs="?", help="default: every company")
    for name in ("rfis", "new-rfi"):
        of_project = commands.add_parser(name)
        of_project.add_argument("project_id", type=int)
        of_project.add_argument("--company", type=int, required=True, help="id of the company whose project it is")
    of_project.add_argument("--subject", required=True)
    return parser.parse_args()


def _platform(asked: argparse.Namespace) -> Platform:
    tokens = Tokens(asked.tokens)
    kept = {} if asked.command == "login" else tokens.load()
    server = asked.server or kept.get("server") or SERVER
    client_id = asked.client_id or kept.get("client_id") or _client_id_of_the_demo(asked.demo)
    return Platform(server, client_id, tokens)


def _client_id_of_the_demo(path: Path) -> str:
    try:
        return str(json.loads(path.read_text())["apps"][APP]["client_id"])
    except (OSError, ValueError, KeyError):
        raise Refused(f"{path} names no client id. Start the demo with `make run`, or name --client-id.") from None


def _projects(platform: Platform, company: str | None) -> Any:
    if company is not None:
        return platform.get(f"/rest/v1.0/projects?{urlencode({'company_id': company})}", company=company)
    found = {}
    for one in platform.get("/rest/v1.0/companies"):
        try:
            found[one["name"]] = _projects(platform, str(one["id"]))
        except Refused as refusal:  # one company's no is not another's
            found[one["name"]] = str(refusal)
    return found


def _rfis(platform: Platform, asked: argparse.Namespace) -> Any:
    """Return a project's RFIs, or the new one that has this subject."""
    address = f"{asked.api.rstrip('/')}/rest/v1.0/projects/{asked.project_id}/rfis"
    content = {"subject": asked.subject} if asked.command == "new-rfi" else None
    return platform.call(address, company=str(asked.company), content=content)


def main() -> None:
    """Run the command that was typed."""
    asked = _arguments()
    try:
        platform = _platform(asked)
        told: Any = None
        match asked.command:
            case "login":
                platform.login(opens_browser=not asked.no_browser)
                told = platform.get("/rest/v1.0/me")
            case "refresh":
                platform.refresh()
                told = {"expires_in": platform.tokens.load()["expires_in"]}
            case "logout":
                platform.logout()
            case "projects":
                told = _projects(platform, asked.company_id)
            case "rfis" | "new-rfi":
                told = _rfis(platform, asked)
            case command:
                told = platform.get(f"/rest/v1.0/{command}")
        if told is not None:
            print(json.dumps(told, indent=2, ensure_ascii=False))
    except Refused as refusal:
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        sys.exit("Stopped.")


if __name__ == "__main__":
    main()

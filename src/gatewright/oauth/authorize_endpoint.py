"""GET|POST /oauth/authorize: judge the request, ask the user, send the browser back with the answer."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.apps.rules import OUT_OF_BAND, said_of_terms, stays_on_this_computer
from gatewright.apps.terms_store import load_terms_standing
from gatewright.base.errors import BadRequest
from gatewright.base.scopes import MANAGE
from gatewright.base.secrets import MissingKey, Purpose
from gatewright.login.rules import sign_in_address
from gatewright.oauth import authorization_store, consent_store, store
from gatewright.oauth.authorize_rules import (
    PARAMETERS,
    Asked,
    ToApp,
    ToPerson,
    Verdict,
    asked_client,
    covers,
    form_targets,
    is_always_asked,
    judge_request,
    with_answer,
)
from gatewright.oauth.authorize_service import CodeBinding, authorize, reissue
from gatewright.oauth.model import AppClient
from gatewright.web.access import Viewer, viewer_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guard
from gatewright.web.display import host
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm, oauth_pairs, query_pairs
from gatewright.web.html import redirect, render

PATH = "/oauth/authorize"
NATIVE_PATH = "/oauth/authorize/native"
FORM_LIFETIME = timedelta(hours=1)
MOST_SHOWN = 300

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Request:
    """A judged request and the pairs it was made of."""

    pairs: Pairs
    verdict: Verdict


async def ask(request: Request) -> Response:
    """Answer a link: the consent page, a code at once, or what is wrong."""
    return await _answer(request, await _judged(request, query_pairs(request)))


async def receive(request: Request) -> Response:
    """Answer a form: with `decision` the user's answer, else the parameters of a request like any link's (A46)."""
    body = await oauth_pairs(request)
    form = PageForm(body)
    if not form.all("decision"):
        return await _answer(request, await _judged(request, [*query_pairs(request), *body]))
    guard(request, form)
    viewer = await viewer_of(request)
    if form.text("decision") not in {"allow", "deny"}:
        raise BadRequest("invalid_request", "decision must be allow or deny.", help="Go back and press one of the two.")
    # A form of ours carries its request, so that two tabs never mix. A program that
    # drives the page may leave it out: then the address it posts to names the request.
    sealed = form.text("request")
    pairs = _opened(request, viewer, sealed) if sealed else [*query_pairs(request), *body]
    if pairs is None:
        return await _told(request, _STALE_FORM, [])
    return await _decided(request, viewer, await _judged(request, pairs), allows=form.text("decision") == "allow")


async def _judged(request: Request, pairs: Pairs) -> _Request:
    client_id = asked_client(pairs)
    client = None
    if client_id is not None:
        # Read, not remembered: this page is asked of by nobody known, for ids of their invention.
        async with core_of(request).database.read() as reader:
            client = await store.load_client(reader, client_id=client_id)
    return _Request(pairs, judge_request(pairs, client=client if isinstance(client, AppClient) else None))


async def _answer(request: Request, judged: _Request) -> Response:
    verdict = judged.verdict
    if isinstance(verdict, ToPerson):
        return await _told(request, verdict, judged.pairs)
    viewer = await core_of(request).sessions.viewer(request)
    if isinstance(verdict, ToApp):
        return await _fault(request, verdict, signed_in=viewer is not None)
    if viewer is None:
        return redirect(request, sign_in_address(_link(judged.pairs)))
    code = await _silent_code(request, viewer, verdict)
    if code is not None:
        return _sent_back(request, verdict.redirect_uri, {"code": code, "state": verdict.state})
    return await _consent_page(request, viewer, verdict, judged.pairs)


async def _decided(request: Request, viewer: Viewer, judged: _Request, *, allows: bool) -> Response:
    """Send the browser back with the user's answer, after judging the request anew."""
    verdict = judged.verdict
    if isinstance(verdict, ToPerson):
        return await _told(request, verdict, judged.pairs)
    if isinstance(verdict, ToApp):
        return await _fault(request, verdict, signed_in=True)
    if allows:
        core, noted = core_of(request), seen(request)
        code = await authorize(
            core.database,
            user_id=viewer.user_id,
            app_id=verdict.client.app_id,
            binding=_binding(verdict),
            keys=core.keys,
            code_lifetime=core.settings.authorization_code_lifetime,
            origin=noted.origin("user", viewer.user_id),
            now=noted.now,
        )
        return _sent_back(request, verdict.redirect_uri, {"code": code, "state": verdict.state})
    denied = ToApp(
        redirect_uri=verdict.redirect_uri,
        state=verdict.state,
        error="access_denied",
        description="the user did not allow it",
    )
    return await _fault(request, denied, signed_in=True)


async def _silent_code(request: Request, viewer: Viewer, asked: Asked) -> str | None:
    """Return a code when the user need not be asked again (T1)."""
    if is_always_asked(asked):
        return None
    core, app_id = core_of(request), asked.client.app_id
    async with core.database.read() as reader:
        standing = await authorization_store.find_standing(reader, user_id=viewer.user_id, app_id=app_id)
        epochs = await authorization_store.current_epochs(reader, user_id=viewer.user_id, app_id=app_id)
    if standing is None or epochs is None:
        return None
    if not covers(standing, scopes=asked.scopes, user_epoch=epochs.user, app_epoch=epochs.app):
        return None
    return await reissue(
        core.database,
        user_id=viewer.user_id,
        app_id=app_id,
        binding=_binding(asked),
        keys=core.keys,
        code_lifetime=core.settings.authorization_code_lifetime,
        now=seen(request).now,
    )


async def _consent_page(request: Request, viewer: Viewer, asked: Asked, pairs: Pairs) -> Response:
    client = asked.client
    async with core_of(request).database.read() as reader:
        developer = await consent_store.developer_name(reader, client.owner_id)
        reach = await consent_store.reach_of_app(reader, user_id=viewer.user_id, app_id=client.app_id)
        standing = (await load_terms_standing(reader, [client.owner_id]))[client.owner_id]
    app = {"name": client.name, "developer": developer, "homepage": client.homepage, "terms": said_of_terms(standing)}
    context = {
        "request": _sealed(request, viewer, pairs),
        "app": app,
        "scopes": asked.scopes,
        "managed": [one.name for one in reach if one.is_managed] if MANAGE in asked.scopes else [],
        "companies": [{"name": one.name, "state": one.state} for one in reach],
        "return_to": _return_to(asked.redirect_uri),
        "switch_href": sign_in_address(_link(pairs), as_somebody_else=True),
    }
    return await render(request, "oauth/consent.html", context, form_targets=form_targets(asked.redirect_uri))


async def _told(request: Request, fault: ToPerson, pairs: Pairs) -> Response:
    sent = next((value for name, value in pairs if name == "redirect_uri" and value), None)
    shows = fault.code == "invalid_redirect_uri" and sent is not None
    facts = [{"label": "Redirect URI that was sent", "value": str(sent)[:MOST_SHOWN]}] if shows else []
    return await tell_person(request, fault, facts=facts)


async def tell_person(
    request: Request,
    fault: ToPerson,
    *,
    facts: Sequence[Mapping[str, str]] = (),
    way_on: Mapping[str, str] | None = None,
) -> Response:
    """Return the page of a fault that goes to the person: what is wrong, who can fix it, and where they may go."""
    context = {**asdict(fault), "facts": facts, "way_on": way_on}
    return await render(request, "oauth/refused.html", context, status=fault.status)


async def _fault(request: Request, fault: ToApp, *, signed_in: bool) -> Response:
    """Tell the app by redirect; before sign-in, and where there is nowhere to go, tell the person."""
    if signed_in and fault.redirect_uri != OUT_OF_BAND:
        answer = {"error": fault.error, "error_description": fault.description, "state": fault.state}
        return _sent_back(request, fault.redirect_uri, answer)
    if fault.error == "access_denied":
        return await _told(request, _DENIED, [])
    page = ToPerson(
        code=fault.error,
        status=400,
        heading="This app asks in a way that cannot be answered",
        explanation=f"What it sent is refused: {fault.description}.",
        who="The developer of the app.",
    )
    return await _told(request, page, [])


def _sent_back(request: Request, redirect_uri: str, answer: dict[str, str | None]) -> Response:
    """Return the redirect to the app, or for oob to the page that shows the code (RFC 9207: with `iss`)."""
    if redirect_uri == OUT_OF_BAND:
        return redirect(request, f"{NATIVE_PATH}?code={quote(str(answer['code']), safe='')}")
    to = with_answer(redirect_uri, {**answer, "iss": core_of(request).settings.issuer})
    return Response(status_code=303, headers={"location": to, "cache-control": "no-store", "pragma": "no-cache"})


def _binding(asked: Asked) -> CodeBinding:
    return CodeBinding(
        redirect_uri=asked.redirect_uri,
        redirect_uri_was_sent=asked.redirect_uri_was_sent,
        code_challenge=asked.code_challenge,
        scopes=asked.scopes,
    )


def _link(pairs: Pairs) -> str:
    """Return the address that makes the same request again."""
    return f"{PATH}?{urlencode([(name, value) for name, value in pairs if name in PARAMETERS])}"


def _return_to(redirect_uri: str) -> dict[str, str]:
    if redirect_uri == OUT_OF_BAND:
        return {"kind": "code", "host": ""}
    return {"kind": "loopback" if stays_on_this_computer(redirect_uri) else "web", "host": host(redirect_uri)}


def _sealed(request: Request, viewer: Viewer, pairs: Pairs) -> str:
    """Return the request as the consent form carries it: unreadable, unchangeable, of this session alone."""
    kept = [(name, value) for name, value in pairs if name in PARAMETERS]
    until = (seen(request).now + FORM_LIFETIME).timestamp()
    text = json.dumps({"pairs": kept, "until": until})
    sealed = core_of(request).keys.seal(Purpose.CONSENT, viewer.session_id, text.encode())
    return base64.urlsafe_b64encode(sealed).decode()


def _opened(request: Request, viewer: Viewer, sealed: str) -> Pairs | None:
    """Return what `_sealed` was given; None when it was altered, is another session's, or is an hour old."""
    try:
        raw = base64.urlsafe_b64decode(sealed)
        kept = json.loads(core_of(request).keys.unseal(Purpose.CONSENT, viewer.session_id, raw))
    except (ValueError, MissingKey):
        return None
    if seen(request).now.timestamp() >= kept["until"]:
        return None
    return [(name, value) for name, value in kept["pairs"]]


_STALE_FORM = ToPerson(
    code="consent_expired",
    status=400,
    heading="This page is too old to be answered",
    explanation="It was open for more than an hour, or belongs to an earlier sign-in. Nothing was allowed.",
    who="You: go back to the app and start again from there.",
)
_DENIED = ToPerson(
    code="access_denied",
    status=403,
    heading="You did not allow it",
    explanation="The program gets no code and can do nothing in your name. You can close this page.",
    who="You, if you change your mind: start again from the program.",
)

routes = [Route(PATH, ask), Route(PATH, receive, methods=["POST"])]

"""The Jobsite API: RFIs, drawings and daily logs of a project. It does not know who guards it.

A guard gives, for a tool and a level, a FastAPI dependency that lets a request in or raises. What
it decided it leaves as `request.state.caller`; the company and the project of every row come from
there, never from a header.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import Lifespan

from examples.jobsite_api.store import Closed, Page, Place, Row, Store, Taken

PROJECT = "/rest/v1.0/projects/{project_id}"
LONGEST_BODY = 64 * 1024
MOST_PER_PAGE = 300
_PLAIN = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
_SENTENCES = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not know this method."),
}

Guard = Callable[[str, str], Callable[..., Any]]  # (tool, level) -> a dependency of FastAPI
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was let in, and where to: what a guard decided."""

    place: Place
    by: str  # "user 17", or "service account 23"


class Fault(Exception):
    """What is wrong with a request that was let in."""

    def __init__(self, status: int, code: str, *sentences: str, help: str = "") -> None:
        super().__init__(*sentences)
        self.status, self.code, self.sentences, self.help = status, code, sentences, help


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewRfi(_Body):
    """A question to whoever designed it."""

    subject: str = Field(min_length=1, max_length=200)
    question: str = Field(default="", max_length=4000)


class RfiChange(_Body):
    """What of an open RFI is to be another; closing has an address of its own, for it needs another level."""

    subject: str = Field(default="", min_length=1, max_length=200)
    question: str = Field(default="", max_length=4000)
    answer: str | None = Field(default=None, max_length=4000)


class NewDrawing(_Body):
    """One sheet in one revision."""

    number: str = Field(min_length=1, max_length=40)
    title: str = Field(min_length=1, max_length=200)
    revision: str = Field(default="0", min_length=1, max_length=10)


class NewLog(_Body):
    """What happened on one day."""

    date: date
    notes: str = Field(min_length=1, max_length=4000)
    workers: int = Field(default=0, ge=0, le=10_000)


def body_of(model: type[M]) -> Callable[[Request], Any]:
    """Return a dependency that reads the body. It stands after the guard: a stranger is told nothing of it."""

    async def read(request: Request) -> M:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Fault(400, "invalid_request", "The body has to be application/json.")
        raw = bytearray()
        async for piece in request.stream():
            raw += piece
            if len(raw) > LONGEST_BODY:
                raise Fault(413, "too_large", f"The body is larger than {LONGEST_BODY} bytes.")
        try:
            return model.model_validate_json(bytes(raw), strict=True)
        except ValidationError as error:
            raise _unfit(error) from None

    return read


def _decided(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


def _page(request: Request) -> Page:
    query = request.query_params
    asked = [query.getlist(name) or [default] for name, default in (("page", "1"), ("per_page", "100"))]
    if any(len(values) > 1 or not _PLAIN.fullmatch(values[0]) for values in asked):
        raise Fault(422, "invalid", "page and per_page are whole numbers from 1, once each.")
    page = Page(number=int(asked[0][0]), size=int(asked[1][0]))
    if page.size > MOST_PER_PAGE or page.number > 10**9:
        raise Fault(422, "invalid", f"per_page is at most {MOST_PER_PAGE}.")
    return page


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _now(request: Request) -> datetime:
    moment: datetime = request.app.state.now()
    return moment


def _rfi_id(request: Request) -> int:
    text = request.path_params["rfi_id"]
    if not _PLAIN.fullmatch(text):
        raise _no_rfi()
    return int(text)


Decided = Annotated[Caller, Depends(_decided)]
Paged = Annotated[Page, Depends(_page)]
Stored = Annotated[Store, Depends(_store)]
Now = Annotated[datetime, Depends(_now)]
RfiId = Annotated[int, Depends(_rfi_id)]


def ping() -> Row:
    """Say that the API is there; anybody may ask."""
    return {"ping": "pong"}


def list_rfis(store: Stored, caller: Decided, page: Paged, response: Response) -> list[Row]:
    """Return the project's RFIs."""
    return _listed(store, "rfis", caller, page, response)


def make_rfi(store: Stored, caller: Decided, now: Now, new: Annotated[NewRfi, Depends(body_of(NewRfi))]) -> Row:
    """Return the RFI that was asked for."""
    return store.add_rfi(caller.place, new.model_dump(), by=caller.by, now=now)


def show_rfi(store: Stored, caller: Decided, rfi_id: RfiId) -> Row:
    """Return one RFI."""
    return _known(store.one("rfis", caller.place, rfi_id))


def change_rfi(
    store: Stored,
    caller: Decided,
    now: Now,
    rfi_id: RfiId,
    told: Annotated[RfiChange, Depends(body_of(RfiChange))],
) -> Row:
    """Return an open RFI as it is after the change; an answer is such a change."""
    return _changed(store, caller, rfi_id, told.model_dump(exclude_unset=True), now)


def close_rfi(store: Stored, caller: Decided, now: Now, rfi_id: RfiId) -> Row:
    """Return the RFI, closed."""
    return _changed(store, caller, rfi_id, {"status": "closed"}, now)


def remove_rfi(store: Stored, caller: Decided, rfi_id: RfiId) -> Response:
    """Delete the RFI."""
    if not store.remove_rfi(caller.place, rfi_id):
        raise _no_rfi()
    return Response(status_code=204)


def list_drawings(store: Stored, caller: Decided, page: Paged, response: Response) -> list[Row]:
    """Return the project's drawings."""
    return _listed(store, "drawings", caller, page, response)


def make_drawing(
    store: Stored, caller: Decided, now: Now, new: Annotated[NewDrawing, Depends(body_of(NewDrawing))]
) -> Row:
    """Return the drawing that was added."""
    try:
        return store.add("drawings", caller.place, new.model_dump(), by=caller.by, now=now)
    except Taken:
        taken = f"Drawing {new.number} is there in revision {new.revision} already."
        raise Fault(409, "drawing_exists", taken, help="Name the next revision.") from None


def list_logs(store: Stored, caller: Decided, page: Paged, response: Response) -> list[Row]:
    """Return the project's daily logs."""
    return _listed(store, "daily_log", caller, page, response)


def make_log(store: Stored, caller: Decided, now: Now, new: Annotated[NewLog, Depends(body_of(NewLog))]) -> Row:
    """Return the log that was added."""
    return store.add("daily_log", caller.place, new.model_dump(mode="json"), by=caller.by, now=now)


@dataclass(frozen=True, slots=True)
class GuardedRoute:
    """One route of the API, and what it needs."""

    method: str
    path: str
    tool: str
    level: str
    answer: Callable[..., Any]
    status: int = 200


GUARDED = (
    GuardedRoute("GET", f"{PROJECT}/rfis", "rfis", "read_only", list_rfis),
    GuardedRoute("POST", f"{PROJECT}/rfis", "rfis", "standard", make_rfi, 201),
    GuardedRoute("GET", f"{PROJECT}/rfis/{{rfi_id}}", "rfis", "read_only", show_rfi),
    GuardedRoute("PATCH", f"{PROJECT}/rfis/{{rfi_id}}", "rfis", "standard", change_rfi),
    GuardedRoute("POST", f"{PROJECT}/rfis/{{rfi_id}}/close", "rfis", "admin", close_rfi),
    GuardedRoute("DELETE", f"{PROJECT}/rfis/{{rfi_id}}", "rfis", "admin", remove_rfi, 204),
    GuardedRoute("GET", f"{PROJECT}/drawings", "drawings", "read_only", list_drawings),
    GuardedRoute("POST", f"{PROJECT}/drawings", "drawings", "standard", make_drawing, 201),
    GuardedRoute("GET", f"{PROJECT}/daily_log", "daily_log", "read_only", list_logs),
    GuardedRoute("POST", f"{PROJECT}/daily_log", "daily_log", "standard", make_log, 201),
)


def create_api(
    store: Store,
    may: Guard,
    *,
    lifespan: Lifespan[FastAPI] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),  # noqa: TID251
) -> FastAPI:
    """Return the API behind a guard."""
    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.store, app.state.now = store, now
    app.add_api_route("/rest/v1.0/ping", ping, methods=["GET"])
    for route in GUARDED:
        app.add_api_route(
            route.path,
            route.answer,
            methods=[route.method],
            status_code=route.status,
            dependencies=[Depends(may(route.tool, route.level))],
            response_model=None,
        )
    app.add_exception_handler(Fault, _told)
    app.add_exception_handler(HTTPException, _told)
    return app


def error(code: str, *sentences: str, help: str = "") -> dict[str, Any]:
    """Return the body of a refusal, in the platform's own shape."""
    told = {"code": code, "message": sentences[0], "help": help, "request_id": str(uuid.uuid4())}
    return {"error": told, "errors": list(sentences)}


async def _told(_request: Request, wrong: Exception) -> JSONResponse:
    if isinstance(wrong, Fault):
        return JSONResponse(error(wrong.code, *wrong.sentences, help=wrong.help), wrong.status)
    assert isinstance(wrong, HTTPException)  # noqa: S101
    code, sentence = _SENTENCES.get(wrong.status_code, ("invalid_request", "The request cannot be understood."))
    return JSONResponse(error(code, sentence), wrong.status_code, headers=dict(wrong.headers or {}))


def _unfit(error: ValidationError) -> Fault:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if any(one["type"] == "json_invalid" for one in found):
        return Fault(400, "invalid_request", "The body is not JSON.")
    where = [(".".join(str(part) for part in one["loc"]) or "body", one["msg"]) for one in found]
    return Fault(422, "invalid", *(f"{place}: {said}." for place, said in where))


def _listed(store: Store, table: str, caller: Caller, page: Page, response: Response) -> list[Row]:
    rows, total = store.all(table, caller.place, page)
    response.headers.update({"Total": str(total), "Per-Page": str(page.size)})
    return rows


def _changed(store: Store, caller: Caller, rfi_id: int, values: Row, now: datetime) -> Row:
    try:
        return _known(store.change_rfi(caller.place, rfi_id, values, now=now))
    except Closed:
        raise Fault(409, "rfi_closed", "This RFI is closed; nothing of it changes any more.") from None


def _known(row: Row | None) -> Row:
    if row is None:
        raise _no_rfi()
    return row


def _no_rfi() -> Fault:
    return Fault(404, "rfi_unknown", "This project has no RFI with this id.", help="Check the id.")

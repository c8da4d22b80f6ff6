"""Bodies and queries, parsed once and strictly: nothing repeated, nothing trimmed, nothing guessed."""

import json
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from gatewright.base.errors import BadRequest, TooLarge

MOST_OAUTH_BYTES = 64 * 1024
MOST_PAGE_BYTES = 1024 * 1024
MOST_FIELDS = 20_000
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"
ONLY_UTF8 = "The charset of Content-Type must be utf-8, or not be named."


async def read_body(request: Request, *, most: int) -> bytes:
    """Return the body; TooLarge as soon as it is larger than `most` bytes, without reading on."""
    declared = request.headers.get("content-length", "")
    # Compared by length first: Python refuses to read thousands of digits.
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > most):
        raise _too_large(most)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    return b"".join(chunks)


async def oauth_parameters(request: Request) -> dict[str, str]:
    """Return the body of `POST /oauth/*` as parameters, whichever of the three content types it has.

    A parameter without a value counts as absent (RFC 6749 §3.1). BadRequest for what
    is repeated or malformed, TooLarge above 64 KiB.
    """
    return once(await oauth_pairs(request))


async def oauth_pairs(request: Request) -> list[tuple[str, str]]:
    """Return the body of `POST /oauth/*` as pairs in order, repeats and all; refused as above."""
    if len(request.headers.getlist("content-type")) > 1:
        raise _bad("Content-Type is repeated.")
    if "content-encoding" in request.headers:
        raise _bad("Content-Encoding is not accepted; send the body as it is.")
    if not is_in_utf8(request.headers):
        raise _bad(ONLY_UTF8)
    body = await read_body(request, most=MOST_OAUTH_BYTES)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == FORM:
        pairs = _form_pairs(body)
    elif media_type == MULTIPART:
        pairs = await _multipart_pairs(request.headers, body)
    elif media_type == JSON:
        pairs = _json_pairs(body)
    elif not body and not media_type:
        pairs = []
    else:
        raise _bad(f"Content-Type must be {FORM}, {MULTIPART} or {JSON}.")
    return pairs


def is_in_utf8(headers: Headers) -> bool:
    """Return whether Content-Type names no charset but UTF-8, however that is spelled.

    The multipart parser would decode with whatever codec is named: some fail on what
    they do not know (punycode), some make half characters of plain letters (utf-7).
    """
    charset = parse_options_header(headers.get("content-type"))[1].get(b"charset", b"")
    return charset.lower().replace(b"_", b"-") in {b"", b"utf-8", b"utf8"}


def query_parameters(request: Request) -> dict[str, str]:
    """Return the query as parameters; BadRequest for what is repeated or malformed."""
    return once(query_pairs(request))


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """Return the query's pairs in order, repeats and all; BadRequest for what is not UTF-8."""
    return _form_pairs(request.scope["query_string"])


def once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the pairs as a mapping; BadRequest for a name that comes twice, or a NUL."""
    parameters: dict[str, str] = {}
    names = set()
    for name, value in pairs:
        if name in names:
            raise _bad("A parameter is repeated.")
        if not (_is_whole(name) and _is_whole(value)):
            raise _bad("A parameter contains NUL or half a character.")
        names.add(name)
        if value:
            parameters[name] = value
    return parameters


class PageForm:
    """The fields of a page's form; a field may come several times (ticks)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in pairs:
            if not (_is_whole(name) and _is_whole(value)):
                raise _bad("A field contains NUL or half a character.")
            self._fields.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """Return the field's one value, or the empty text; BadRequest when it is repeated."""
        values = self._fields.get(name, [""])
        if len(values) > 1:
            raise _bad("A field is repeated.")
        return values[0]

    def stated(self, name: str) -> str:
        """Return the field's one value; BadRequest when it was not sent at all, which is not the same as emptied."""
        if name not in self._fields:
            raise _bad(f"The field {name} is missing.")
        return self.text(name)

    def all(self, name: str) -> list[str]:
        """Return every value of the field, in order."""
        return list(self._fields.get(name, ()))

    def starting(self, prefix: str) -> Mapping[str, str]:
        """Return the fields whose names start so, by the rest of the name."""
        return {name[len(prefix) :]: self.text(name) for name in self._fields if name.startswith(prefix)}


async def page_form(request: Request) -> PageForm:
    """Return a page's form, urlencoded or multipart, up to 1 MiB."""
    if not is_in_utf8(request.headers):
        raise _bad(ONLY_UTF8)
    body = await read_body(request, most=MOST_PAGE_BYTES)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == MULTIPART:
        return PageForm(await _multipart_pairs(request.headers, body))
    if media_type == FORM or not body:
        return PageForm(_form_pairs(body))
    raise _bad(f"Content-Type must be {FORM} or {MULTIPART}.")


def _form_pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        text = body.decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeDecodeError:
        raise _bad("The parameters are not percent-encoded UTF-8.") from None
    except ValueError:
        raise _bad("There are too many parameters.") from None


async def _multipart_pairs(headers: Headers, body: bytes) -> list[tuple[str, str]]:
    boundary = parse_options_header(headers.get("content-type"))[1].get(b"boundary", b"")
    # The parser takes a body that stops half-way for a whole one.
    if not boundary or b"--" + boundary + b"--" not in body:
        raise _bad("The multipart body has no end.")

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        body.decode("utf-8")  # the parser reads what is not UTF-8 as Latin-1
        form = await _FieldParser(headers, whole(), max_files=0, max_fields=MOST_FIELDS).parse()
    except (MultiPartException, MultipartParseError, UnicodeError, LookupError):
        raise _bad("The multipart body is malformed, or has a file part.") from None
    pairs = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            raise _bad("File parts are not accepted.")
        pairs.append((name, value))
    return pairs


class _FieldParser(MultiPartParser):
    """A parser for fields alone: a part that names a file in any way is refused (RFC 5987's `filename*` too)."""

    def on_headers_finished(self) -> None:
        if _NAMES_A_FILE.search(self._current_part.content_disposition or b""):
            raise MultiPartException("a file part")
        super().on_headers_finished()


_NAMES_A_FILE = re.compile(rb";\s*filename\*?\s*=", re.IGNORECASE)


def _json_pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_Pairs, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _bad("The JSON body is malformed.") from None
    if not isinstance(value, _Pairs) or not all(isinstance(text, str) for _, text in value):
        raise _bad("The JSON body must be an object of strings.")
    return list(value)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its repeated keys kept."""


def _refuse_constant(_name: str) -> Any:
    raise ValueError("not JSON")


def _is_whole(text: str) -> bool:
    """Return whether a database and a log can hold `text`: no NUL, no half of a surrogate pair."""
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def _bad(message: str) -> BadRequest:
    return BadRequest("invalid_request", message, help="The program that sent the request has to be corrected.")


def _too_large(most: int) -> TooLarge:
    return TooLarge("too_large", f"The body is larger than {most // 1024} KiB.", help="Send a smaller body.")

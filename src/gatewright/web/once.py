"""Forms whose answer shows a secret: each makes one thing, however often it is sent (S6)."""

from starlette.requests import Request

from gatewright.base.ids import random_id
from gatewright.base.secrets import fingerprint
from gatewright.web.access import Viewer
from gatewright.web.forms import PageForm

FIELD = "once"


def mint_once() -> str:
    """Return a fresh value for the hidden field of one showing of a form."""
    return random_id()


def form_id(request: Request, viewer: Viewer, form: PageForm) -> str | None:
    """Return the id of the form that was sent: 128 bits in hex, the same whenever it is sent again.

    None when it came without one, as from a program: such a form makes a new thing each time.
    """
    once = form.text(FIELD)
    return fingerprint(f"{viewer.user_id}\0{request.url.path}\0{once}").hex()[:32] if once else None

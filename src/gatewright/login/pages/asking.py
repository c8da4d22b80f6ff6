"""Asking for mail: whoever asks is answered alike and learns nothing (P7, P8, P9)."""

from starlette.requests import Request

from gatewright.base.errors import NotFound
from gatewright.base.ids import UserId
from gatewright.login.asked import asked
from gatewright.login.throttle import mail_bucket, reserve
from gatewright.mail.service import post
from gatewright.web.core import core_of
from gatewright.web.edge import seen

MOST_ASKED = 30  # from one address, in the window of failed sign-ins

NO_ADDRESS = "Write an e-mail address, such as ada@example.com."


async def ask(request: Request, what: str, *, email: str, user_id: UserId | None = None) -> None:
    """Post one message that asks for mail to the address: the same work whoever has it.

    RateLimited after many requests from one network address.
    """
    core, noted = core_of(request), seen(request)
    origin = noted.origin("user", user_id)
    limit = MOST_ASKED if core.settings.sign_in_limit else 0
    await reserve(core.database, buckets=[mail_bucket(core.keys, noted.ip)], limit=limit, now=noted.now)
    await post(core.database, asked(what, email, origin=origin, user_id=user_id), keys=core.keys, now=noted.now)


def needs_mail(request: Request, why: str) -> None:
    """Raise NotFound where mail is not configured: then a person hands links over."""
    if not core_of(request).settings.has_mail:
        raise NotFound("no_mail", why)

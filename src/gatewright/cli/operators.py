"""What the operator does about accounts on the command line: the first operator, a lost password."""

from gatewright.base import clock
from gatewright.base.errors import NotFound
from gatewright.base.folding import is_email_shaped
from gatewright.cli.failures import CannotInvite, WronglyAsked, looked_in
from gatewright.cli.preparation import prepare_or_require
from gatewright.db.health import count_operators
from gatewright.house import open_house
from gatewright.login.invitation_service import create_invitation
from gatewright.login.link_service import make_reset_link
from gatewright.settings import Settings
from gatewright.world.apply import OPERATOR

_OPERATED = "There is an operator already; name another in a world file, with operator: true, and apply it."


async def invite_operator(settings: Settings, email: str) -> str:
    """Return the link that makes the first operator; one made before opens nothing any more."""
    await prepare_or_require(settings)
    async with open_house(settings) as house:
        async with house.database.read() as reader:
            if await count_operators(reader):
                raise CannotInvite(_OPERATED)
        _refuse_no_address(email)
        token = await create_invitation(
            house.database,
            email=email,
            makes_operator=True,
            service_domain=settings.service_domain,
            keys=house.keys,
            origin=OPERATOR,
            now=clock.now(),
        )
    return f"{settings.issuer}/invitation/{token}"


async def reset_link(settings: Settings, email: str) -> str:
    """Return a link to hand over, with which an active user chooses a new password (P8)."""
    await prepare_or_require(settings)
    async with open_house(settings) as house:
        _refuse_no_address(email)
        try:
            token = await make_reset_link(
                house.database,
                email=email,
                service_domain=settings.service_domain,
                keys=house.keys,
                origin=OPERATOR,
                now=clock.now(),
            )
        except NotFound as unknown:  # its help is for who asks by an id over the API
            raise WronglyAsked(f"{unknown.message} {looked_in(settings)}") from None
    return f"{settings.issuer}/password/reset/{token}"


def _refuse_no_address(email: str) -> None:
    if not is_email_shaped(email):
        raise CannotInvite(f"{email!r} is no e-mail address; name one such as ada@example.com.")

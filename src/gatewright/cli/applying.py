"""`gatewright apply`: a world file, shown as a plan or applied."""

from collections.abc import Sequence
from pathlib import Path

from gatewright.base import clock
from gatewright.cli.failures import CannotRead
from gatewright.cli.preparation import prepare_or_require, require_migrated
from gatewright.house import House, embedded_file, open_house
from gatewright.settings import Settings
from gatewright.world.apply import Made, apply_world, planned
from gatewright.world.credentials import CredentialsFile
from gatewright.world.model import World
from gatewright.world.parse import parse
from gatewright.world.plan import plan
from gatewright.world.state import State
from gatewright.world.steps import AnyStep

NOTHING = "Nothing to change: the database holds what {world} says."


async def show(settings: Settings, path: Path) -> list[str]:
    """Return the plan, line by line; nothing is made or changed, not even an absent database."""
    world = read_world(path)
    if _is_absent(settings):
        taken = plan(world, State(), service_domain=settings.service_domain)
    else:
        await require_migrated(settings)
        async with open_house(settings) as house:
            taken = await planned(house, world)
    if not taken:
        return [NOTHING.format(world=path)]
    return [*_lines(taken), f"Plan: {_counted(taken, 'to create', 'to change')}. Nothing was changed."]


async def apply(settings: Settings, path: Path, credentials: Path | None) -> list[str]:
    """Return what was changed, line by line."""
    world = read_world(path)
    if _is_absent(settings):
        # A bad file does not even make a database.
        plan(world, State(), service_domain=settings.service_domain)
    file = _opened(credentials) if credentials is not None else None
    try:
        await prepare_or_require(settings)
        async with open_house(settings) as house:
            taken, secrets = await _applied(house, world, file)
        if file is not None:
            file.publish()
    finally:
        if file is not None:
            file.discard()
    if not taken:
        return [NOTHING.format(world=path)]
    unkept = f" {secrets} client secrets were made and not kept: name --credentials next time." * (
        secrets > 0 and file is None
    )
    return [*_lines(taken), f"Applied: {_counted(taken, 'created', 'changed')}.{unkept}"]


def read_world(path: Path) -> World:
    """Return what the file says; CannotRead or BadFile."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotRead(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CannotRead(f"{path} is no UTF-8 text.") from None


async def _applied(house: House, world: World, file: CredentialsFile | None) -> tuple[list[AnyStep], int]:
    counted = [0]

    async def keep(made: Made) -> None:
        counted[0] = len(made.secrets)
        if file is not None:
            file.write(world, made)

    return await apply_world(house, world, keep=keep, now=clock.now()), counted[0]


def _opened(path: Path) -> CredentialsFile:
    if path.is_dir():
        raise CannotRead(f"{path} is a folder; name a file for the credentials.")
    try:
        return CredentialsFile(path)
    except OSError as error:
        raise CannotRead(f"{path} cannot be written: {error.strerror}.") from None


def _is_absent(settings: Settings) -> bool:
    file = embedded_file(settings)
    return file is not None and not file.exists()


def _lines(taken: Sequence[AnyStep]) -> list[str]:
    return [f"{'+' if step.is_new else '~'} {step.says}" for step in taken]


def _counted(taken: Sequence[AnyStep], created: str, changed: str) -> str:
    new = sum(step.is_new for step in taken)
    return f"{new} {created}, {len(taken) - new} {changed}"

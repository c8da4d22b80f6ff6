"""Every failure on the operator's side, told in a sentence each. None of them is a traceback.

What each command may raise stands here and not where it is raised: no command has to load the server for it.
"""

from collections.abc import Iterator
from pathlib import Path

from gatewright.base.errors import Refusal
from gatewright.base.secrets import MissingKey
from gatewright.base.yaml_nodes import BadFile
from gatewright.cli.loading import BadSettings
from gatewright.cli.logs import places
from gatewright.db.reasons import reason
from gatewright.house import BadRoutes, CannotOpen, embedded_file
from gatewright.operations.explaining import masked_url
from gatewright.settings import Settings
from gatewright.world.state import NotThere


class CannotRead(Exception):
    """A file that was named cannot be read or written; the message is one sentence."""


class WronglyAsked(Exception):
    """What was typed names nothing there is, or too much; the message is one sentence."""


class CannotServe(Exception):
    """The address cannot be listened at; the message is one sentence."""


class DidNotStart(Exception):
    """A worker could not start; its log says why."""


class CannotInvite(Exception):
    """No operator can be made so; the message is one sentence."""


_ITSELF = (BadSettings, CannotInvite, CannotOpen, CannotRead, CannotServe, WronglyAsked)


def sentences(error: BaseException, *, settings: Settings | None, world: Path | None = None) -> Iterator[str]:
    """Yield what is wrong and what to do about it."""
    if isinstance(error, BadFile) and world is not None:
        yield from error.sentences(world)
        if settings is not None and any(isinstance(fault, NotThere) for fault in error.faults):
            yield looked_in(settings)
        yield "Nothing was changed."
    elif isinstance(error, BadRoutes):
        yield from error.sentences
    elif isinstance(error, _ITSELF):
        yield str(error)
    elif isinstance(error, DidNotStart):
        yield "The server could not start; the lines above say why."
    elif isinstance(error, Refusal):
        yield f"{error.message} {error.help}".strip()
    elif isinstance(error, MissingKey):
        yield f"The database needs the server key {error.key_id}, which GATEWRIGHT_SECRET_KEYS lacks. Add it back."
    else:
        yield _other(error, settings)


def looked_in(settings: Settings) -> str:
    """Return which database was asked: another folder's `var/` looks like an empty one."""
    file = embedded_file(settings)
    if file is None:
        return f"The database asked is {masked_url(settings.database)}."
    absent = "" if file.exists() else ", which is not there yet"
    return f"The database asked is {file}{absent}; GATEWRIGHT_DATA_DIR says where another one lies."


def _other(error: BaseException, settings: Settings | None) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}. Correct its owner, rights or place."
    told = reason(error, database=masked_url(settings.database)) if settings is not None else None
    if told is not None:
        return told
    where = ", ".join(reversed(places(error.__traceback__)[-3:]))
    return f"This should not have happened: {type(error).__name__} at {where}. Report these words; nothing was changed."

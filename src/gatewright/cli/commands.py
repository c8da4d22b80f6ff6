"""The commands."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from typer.exceptions import TyperException

from gatewright.base import clock
from gatewright.cli.loading import Loaded, load_settings
from gatewright.settings import Settings

T = TypeVar("T")
_TypedWrong = typer.BadParameter.__base__ or typer.BadParameter  # every usage error; typer names it nowhere
_OPERATED = "There is an operator already; name another in a world file, with operator: true, and apply it."
HOST, PORT = "127.0.0.1", 8400
_OPTIONS = {"add_completion": False, "no_args_is_help": True, "pretty_exceptions_enable": False}

app = typer.Typer(help="OAuth 2.0 authorization server, company directory and permission engine.", **_OPTIONS)  # type: ignore[arg-type]
operator = typer.Typer(help="Those who run the deployment.", no_args_is_help=True)
app.add_typer(operator, name="operator")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = HOST,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = PORT,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes; GATEWRIGHT_WORKERS.")] = None,
) -> None:
    """Serve. An embedded database migrates itself; PostgreSQL must have been migrated."""
    with _failures() as loaded:
        from gatewright.cli.serving import serve as serve_until_told

        serve_until_told(loaded, host=host, port=port, workers=workers or loaded.settings.workers)


@app.command()
def migrate() -> None:
    """Make the database where it is absent, and bring it to this version."""
    with _failures() as loaded:
        from gatewright.cli.preparation import prepare

        changed = _run(prepare(loaded.settings))
        typer.echo("The database is at this version now." if changed else "The database was at this version already.")


@app.command()
def apply(
    world: Annotated[Path, typer.Argument(metavar="WORLD.yaml", help="What the database is to hold.")],
    credentials: Annotated[
        Path | None, typer.Option(metavar="OUT.json", help="File for ids and for the secrets made, mode 0600.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
) -> None:
    """Make the database hold what a world file says: create and update, never delete; all or nothing."""
    with _failures(world=world) as loaded:
        from gatewright.cli import applying

        told = applying.show(loaded.settings, world) if dry_run else applying.apply(loaded.settings, world, credentials)
        for line in _run(told):
            typer.echo(line)


@app.command()
def settings() -> None:
    """Show every setting: its name, value, where it came from, and what it means. Secrets are masked."""
    with _failures() as loaded:
        for one in loaded.explained():
            typer.echo(f"{one.name} = {one.value}  ({one.source})\n    {one.meaning}")


@app.command()
def doctor() -> None:
    """Look for what stands in the way: database, keys, clock, issuer, proxy headers."""
    with _failures() as loaded:
        wrong = _run(_examined(loaded.settings))
        raise typer.Exit(1 if wrong else 0)


@operator.command("create")
def create_operator(email: Annotated[str, typer.Argument(metavar="EMAIL")]) -> None:
    """Print a one-time link that makes an operator's account."""
    with _failures() as loaded:
        typer.echo(_run(_invited(loaded.settings, email)))


def main() -> None:
    """Run the command that was typed; what was typed wrong is told in a sentence, with exit 1."""
    try:
        status = app(prog_name="gatewright", standalone_mode=False)
    except typer.Abort:
        sys.exit(130)
    except TyperException as error:
        told = error.format_message() if isinstance(error, _TypedWrong) else str(error)
        if told:
            typer.echo(f"gatewright: {told} See: gatewright --help", err=True)
        sys.exit(1)
    sys.exit(status or 0)


@contextmanager
def _failures(*, world: Path | None = None) -> Iterator[Loaded]:
    """Lend the settings; whatever fails is told in a sentence each, and the exit status is 1."""
    loaded = None
    try:
        loaded = load_settings(os.environ, folder=Path.cwd())
        yield loaded
    except (typer.Exit, KeyboardInterrupt):
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our words has left
        raise typer.Exit(1) from None
    except Exception as error:
        _tell(error, loaded.settings if loaded else None, world)
        raise typer.Exit(1) from None


def _tell(error: Exception, settings: Settings | None, world: Path | None) -> None:
    from gatewright.cli.failures import sentences

    for sentence in sentences(error, settings=settings, world=world):
        typer.echo(f"gatewright: {sentence}" if world is None else sentence, err=True)


def _run(work: Awaitable[T]) -> T:
    async def main() -> T:
        return await work

    return asyncio.run(main())


async def _examined(settings: Settings) -> bool:
    from gatewright.cli.doctor import examine

    wrong = False
    async for finding in examine(settings):
        typer.echo(f"{'PROBLEM' if finding.is_wrong else 'ok     '} {finding.about}: {finding.says}")
        wrong = wrong or finding.is_wrong
    return wrong


async def _invited(settings: Settings, email: str) -> str:
    from gatewright.base.folding import is_email_shaped
    from gatewright.cli.failures import CannotInvite
    from gatewright.cli.preparation import prepare_or_require
    from gatewright.db.health import count_operators
    from gatewright.house import open_house
    from gatewright.login.invitation_service import create_invitation
    from gatewright.world.apply import OPERATOR

    await prepare_or_require(settings)
    async with open_house(settings) as house:
        async with house.database.read() as reader:
            if await count_operators(reader):
                raise CannotInvite(_OPERATED)
        if not is_email_shaped(email):
            raise CannotInvite(f"{email!r} is no e-mail address; name one such as ada@example.com.")
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

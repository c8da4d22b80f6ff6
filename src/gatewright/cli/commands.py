"""The commands."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from gatewright.cli import key_commands, record_commands, route_commands
from gatewright.cli.running import failures, run
from gatewright.settings import Settings

_TypedWrong = typer.BadParameter.__base__ or typer.BadParameter  # every usage error; typer names it nowhere
HOST, PORT = "127.0.0.1", 8400
_OPTIONS = {"add_completion": False, "no_args_is_help": True, "pretty_exceptions_enable": False}

app = typer.Typer(help="OAuth 2.0 authorization server, company directory and permission engine.", **_OPTIONS)  # type: ignore[arg-type]
operator = typer.Typer(help="Those who run the deployment.", no_args_is_help=True)
app.add_typer(operator, name="operator")
app.add_typer(key_commands.keys, name="keys")
app.add_typer(record_commands.events, name="events")
app.add_typer(route_commands.routes, name="routes")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = HOST,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = PORT,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes; GATEWRIGHT_WORKERS.")] = None,
) -> None:
    """Serve. An embedded database migrates itself; PostgreSQL must have been migrated."""
    with failures() as loaded:
        from gatewright.cli.serving import serve as serve_until_told

        serve_until_told(loaded, host=host, port=port, workers=workers or loaded.settings.workers)


@app.command()
def migrate() -> None:
    """Make the database where it is absent, and bring it to this version."""
    with failures() as loaded:
        from gatewright.cli.preparation import prepare

        changed = run(prepare(loaded.settings))
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
    with failures(world=world) as loaded:
        from gatewright.cli import applying

        told = applying.show(loaded.settings, world) if dry_run else applying.apply(loaded.settings, world, credentials)
        for line in run(told):
            typer.echo(line)


@app.command()
def settings() -> None:
    """Show every setting: its name, value, where it came from, and what it means. Secrets are masked."""
    with failures() as loaded:
        for one in loaded.explained():
            typer.echo(f"{one.name} = {one.value}  ({one.source})\n    {one.meaning}")


@app.command()
def doctor() -> None:
    """Look for what stands in the way: database, keys, clock, route map, issuer, proxy headers."""
    with failures() as loaded:
        wrong = run(_examined(loaded.settings))
        raise typer.Exit(1 if wrong else 0)


@operator.command("create")
def create_operator(email: Annotated[str, typer.Argument(metavar="EMAIL")]) -> None:
    """Print a one-time link that makes an operator's account."""
    with failures() as loaded:
        from gatewright.cli.operators import invite_operator

        typer.echo(run(invite_operator(loaded.settings, email)))


@operator.command("reset-link")
def print_reset_link(email: Annotated[str, typer.Argument(metavar="EMAIL")]) -> None:
    """Print a one-time link, valid 30 minutes, with which this user chooses a new password."""
    with failures() as loaded:
        from gatewright.cli.operators import reset_link

        typer.echo(run(reset_link(loaded.settings, email)))


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


async def _examined(settings: Settings) -> bool:
    from gatewright.cli.doctor import examine

    wrong = False
    async for finding in examine(settings):
        typer.echo(f"{'PROBLEM' if finding.is_wrong else 'ok     '} {finding.about}: {finding.says}")
        wrong = wrong or finding.is_wrong
    return wrong

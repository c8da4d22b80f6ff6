"""`gatewright events`: the record exported, verified, and erased from."""

from pathlib import Path
from typing import Annotated

import typer

from gatewright.cli.running import failures, run

events = typer.Typer(help="The record: export, verify, erase.", no_args_is_help=True)

_LARGEST = 2**53 - 1  # no id is larger, and no database holds much more
_Company = Annotated[
    int | None, typer.Option("--company", min=1, max=_LARGEST, metavar="ID", help="The company, by its id.")
]
_Contact = Annotated[
    int | None, typer.Option("--contact", min=1, max=_LARGEST, metavar="ID", help="A contact removed from --company.")
]


@events.command("verify")
def verify_record(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An exported record.")],
    fingerprint: Annotated[
        str | None, typer.Option(metavar="F", help="Of the key that must have signed it, from elsewhere.")
    ] = None,
) -> None:
    """Check an exported record; needs no server, no database and no settings.

    Exit 0 when it is as it was written, else 1 with the line that is not.
    """
    from gatewright.cli.verifying import BrokenRecord, verified

    try:
        for line in verified(file, fingerprint=fingerprint):
            typer.echo(line)
    except OSError as error:
        typer.echo(f"gatewright: {file} cannot be read: {error.strerror}.", err=True)
        raise typer.Exit(1) from None
    except BrokenRecord as broken:
        typer.echo(str(broken), err=True)
        raise typer.Exit(1) from None


@events.command("export")
def export_record(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, mode 0600.")],
    company: _Company = None,
    deployment: Annotated[bool, typer.Option("--deployment", help="The deployment's own record.")] = False,
) -> None:
    """Write the whole record of a company, or the deployment's own, into a file."""
    with failures() as loaded:
        from gatewright.cli.record import exported

        typer.echo(run(exported(loaded.settings, file, company=company, deployment=deployment)))


@events.command("fingerprint")
def show_fingerprint() -> None:
    """Print the fingerprint of the key that signs exported records."""
    with failures() as loaded:
        from gatewright.cli.record import fingerprint

        typer.echo(run(fingerprint(loaded.settings)))


@events.command("erase")
def erase(
    user: Annotated[str | None, typer.Option(metavar="EMAIL|ID", help="A deactivated user, everywhere.")] = None,
    company: _Company = None,
    contact: _Contact = None,
) -> None:
    """Erase one person's names and addresses from the record, for good; every chain can be verified as before."""
    with failures() as loaded:
        from gatewright.cli.record import erased

        typer.echo(run(erased(loaded.settings, user=user, company=company, contact=contact)))

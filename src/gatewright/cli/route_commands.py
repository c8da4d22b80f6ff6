"""`gatewright routes`: a route map checked, and asked about one request."""

from pathlib import Path
from typing import Annotated

import typer

from gatewright.cli.running import failures

routes = typer.Typer(help="The route map: check it, ask it about a request.", no_args_is_help=True)


@routes.command("check")
def check_map(file: Annotated[Path, typer.Argument(metavar="FILE", help="A route map.")]) -> None:
    """Show the routes of a map as a table; every fault with its line, and exit 1, when it has any.

    A guard that leaves open where it begins is warned of.

    Needs no server, no database and no settings.
    """
    from gatewright.cli.failures import CannotRead
    from gatewright.cli.routes import read_map, table, warnings

    try:
        route_map = read_map(file)
        for line in table(route_map):
            typer.echo(line)
        for line in warnings(route_map, file):
            typer.echo(line, err=True)
    except CannotRead as faults:
        typer.echo(str(faults), err=True)
        raise typer.Exit(1) from None


@routes.command("explain")
def explain_request(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="As it is sent, such as GET.")],
    uri: Annotated[str, typer.Argument(metavar="URI", help="Path and query, as they are sent.")],
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="The map; else GATEWRIGHT_ROUTES.")] = None,
) -> None:
    """Say which route decides about a request, what it needs, and who names company and project.

    Exit 0 when somebody could pass, 1 when everybody is refused.
    """
    with failures() as loaded:
        from gatewright.cli.routes import as_sent, explain, is_refused, map_of

        answer = map_of(loaded.settings, file).find(method, as_sent(uri))
        for sentence in explain(answer, headers=loaded.settings.company_headers):
            typer.echo(sentence)
        raise typer.Exit(1 if is_refused(answer) else 0)

"""`gatewright keys`: the keys that sign tokens, and what hangs from each server key."""

from typing import Annotated

import typer

from gatewright.cli.running import failures, run

keys = typer.Typer(help="Keys that sign tokens, and server keys.", no_args_is_help=True)


@keys.command("list")
def list_keys() -> None:
    """List signing keys with state and age, and server keys with what hangs from each."""
    with failures() as loaded:
        from gatewright.cli.keys import listed

        for line in run(listed(loaded.settings)):
            typer.echo(line)


@keys.command("rotate")
def rotate(
    now: Annotated[
        bool, typer.Option("--now", help="Sign with it at once; verifiers with a kept key set fail for some minutes.")
    ] = False,
) -> None:
    """Make the next signing key: published at once, current once every kept key set holds it."""
    with failures() as loaded:
        from gatewright.cli.keys import rotated

        typer.echo(run(rotated(loaded.settings, at_once=now)))


@keys.command("retire")
def retire(
    kid: Annotated[str, typer.Argument(metavar="KID", help="The key, as `keys list` names it.")],
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Every token that it signed dies at once; a fresh key signs.")
    ] = False,
) -> None:
    """Withdraw a signing key that waits for its turn, or end a compromised one with all that it signed."""
    with failures() as loaded:
        from gatewright.cli.keys import retired

        typer.echo(run(retired(loaded.settings, kid, is_compromised=compromised)))

"""How every command runs: settings loaded, failures told in sentences."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import typer

from gatewright.cli.loading import Loaded, load_settings
from gatewright.settings import Settings

T = TypeVar("T")


@contextmanager
def failures(*, world: Path | None = None) -> Iterator[Loaded]:
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


def run(work: Awaitable[T]) -> T:
    """Return what the work returns, on a loop of its own."""

    async def main() -> T:
        return await work

    return asyncio.run(main())

"""Where settings come from: `GATEWRIGHT_…` in the environment, else `.env`, else the TOML file
that `GATEWRIGHT_CONFIG` names. A name that is not known is refused, so that a misspelt
one cannot be overlooked.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource

from gatewright.operations.explaining import PREFIX, Explained, explained
from gatewright.settings import Settings

_CONFIG = "config"
_IN_OTHER_WORDS = {
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "int_from_float": "write a whole number",
    "bool_parsing": "write on or off",
    "bool_type": "write on or off",
    "time_delta_parsing": "write seconds or a number with s, m, h or d, such as 10m",
    "time_delta_type": "write seconds or a number with s, m, h or d, such as 10m",
    "greater_than": "write more than 0",
}


class BadSettings(Exception):
    """Settings that cannot be used: a sentence for each, which names it and says what to write."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each that was set, where."""

    settings: Settings
    sources: Mapping[str, str] = field(default_factory=dict)

    def with_workers(self, number: int) -> "Loaded":
        """Return these settings for so many processes, as the command line says it."""
        if number == self.settings.workers:
            return self
        return Loaded(self.settings.model_copy(update={"workers": number}), {**self.sources, "workers": "--workers"})

    def explained(self) -> Iterator[Explained]:
        """Return every setting with its value, where it came from and what it means."""
        return explained(self.settings, self.sources)


def load_settings(environ: Mapping[str, str], *, folder: Path) -> Loaded:
    """Return the settings of this environment and of `.env` in `folder`; BadSettings when any is wrong.

    An empty value counts as none.
    """
    environment, dotenv = _named(environ), _named(_dotenv(folder / ".env"))
    config = environment.pop(_CONFIG, "") or dotenv.pop(_CONFIG, "")
    dotenv.pop(_CONFIG, None)
    layers = [(".env", dotenv), ("the environment", environment)]
    if config:
        layers.insert(0, (config, _toml(folder / config)))
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, texts in layers:
        given = {name: value for name, value in texts.items() if value is not None and value != ""}
        values |= given
        sources |= dict.fromkeys(given, source)
    return Loaded(_validated(values, sources), sources)


def _named(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return what begins with the prefix, by the setting's name."""
    found = ((name.upper(), value) for name, value in texts.items())
    return {name.removeprefix(PREFIX).lower(): value for name, value in found if name.startswith(PREFIX)}


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        found = DotEnvSettingsSource(BaseSettings, env_file=path).env_vars
    except (OSError, UnicodeDecodeError):
        raise BadSettings(f"{path} cannot be read: make it a UTF-8 file of NAME=VALUE lines.") from None
    return {name: value or "" for name, value in found.items()}


def _toml(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadSettings(f"GATEWRIGHT_CONFIG names {path}, which cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"GATEWRIGHT_CONFIG names {path}, which is no TOML: {error}.") from None
    return {name.upper().removeprefix(PREFIX).lower(): _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    """Return a TOML value as the settings take it; lists of anything but texts are left to fail."""
    return tuple(value) if isinstance(value, list) else value


def _validated(values: Mapping[str, Any], sources: Mapping[str, str]) -> Settings:
    unknown = [name for name in values if name not in Settings.model_fields]
    if unknown:
        raise BadSettings(
            *(f"{PREFIX}{name.upper()} ({sources[name]}) is no setting; see `gatewright settings`." for name in unknown)
        )
    try:
        return Settings(**values)
    except ValidationError as error:
        raise BadSettings(*(_sentence(problem, sources) for problem in error.errors())) from None


def _sentence(problem: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    name, said = str(problem["loc"][0]), str(problem["msg"])
    told = _IN_OTHER_WORDS.get(problem["type"], said.removeprefix("Value error, ").removesuffix("."))
    return f"{PREFIX}{name.upper()} ({sources.get(name, 'default')}) cannot be used: {told}."

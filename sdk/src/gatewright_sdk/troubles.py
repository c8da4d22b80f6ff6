"""What is wrong with the server, told to the log once, and once when it is over."""

import logging

_log = logging.getLogger("gatewright_sdk")


class Troubles:
    """The requests that do not work at the moment."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def tell(self, what: str, why: str) -> None:
        """Note that a request does not work; nothing of what was sent or answered is in `why`."""
        if self._told.get(what) != why:
            self._told[what] = why
            _log.warning("gatewright: %s: %s; until it works, questions are refused or slower", what, why)

    def fail(self, what: str, error: Exception) -> None:
        """Note that something failed that nobody foresaw: once with where it happened."""
        why = f"failed with {type(error).__name__}"
        if self._told.get(what) != why:
            self._told[what] = why
            _log.error("gatewright: %s: %s; it is begun again", what, why, exc_info=error)

    def end(self, what: str) -> None:
        """Note that it works."""
        if self._told.pop(what, None) is not None:
            _log.info("gatewright: %s works again", what)

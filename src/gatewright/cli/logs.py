"""Logs: one JSON object a line on stderr, or a human format on a terminal.

Nothing that a client sent reaches them: of an exception only its kind and its place
are kept, because its message may quote a value (T13).
"""

import logging
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, cast

import structlog
from structlog.types import Processor

Entry = MutableMapping[str, Any]
_PLACES = 8


def configure_logging(log_format: str, *, lowest: int = logging.INFO) -> None:
    """Send everything that is logged in this process, by libraries too, to stderr: `json`, `text` or `auto`.

    `lowest` is the level of ours below which nothing is written.
    """
    renderer = _renderer(log_format)
    structlog.configure(
        processors=[*_COMPLETED, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=lowest == logging.INFO,
    )
    handler = logging.StreamHandler(sys.stderr)
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_COMPLETED, processors=last))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _renderer(log_format: str) -> Processor:
    if log_format == "text" or (log_format == "auto" and sys.stderr.isatty()):
        # repr: a path may hold what moves a terminal's cursor.
        return cast(Processor, structlog.dev.ConsoleRenderer(repr_native_str=True))
    # ASCII alone: U+2028, U+0085 and U+009B begin lines and commands where a log is read.
    return cast(Processor, structlog.processors.JSONRenderer(ensure_ascii=True))


def _without_values(_logger: Any, _name: str, entry: Entry) -> Entry:
    """Return the entry with the kind and the place of its exception instead of the exception."""
    found = entry.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else found if isinstance(found, BaseException) else sys.exc_info()[1]
    if found and error is not None:
        entry["error"], entry["where"] = type(error).__name__, places(error.__traceback__)
        entry["event"] = str(entry.get("event", "")).partition("\n")[0]
    return entry


def places(traceback: TracebackType | None) -> list[str]:
    """Return the last places of a traceback as `file:line function`, without any value."""
    found = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append(f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return found[-_PLACES:]


_COMPLETED: list[Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    _without_values,
]

"""What reaches the log: never what somebody sent."""

import json
import subprocess
import sys
from textwrap import dedent

PROGRAM = dedent(
    """
    import logging, structlog
    from gatewright.cli.logs import configure_logging
    configure_logging("{log_format}")
    ours, theirs = structlog.get_logger("ours"), logging.getLogger("uvicorn.error")
    ours.info("ready", pid=7)
    def fail():
        raise ValueError("hunter2 was typed")
    try:
        fail()
    except ValueError as error:
        ours.error("failed", exc_info=True)
        theirs.error("Exception in ASGI application", exc_info=error)
        theirs.error(theirs.name)
        theirs.exception("it broke")
    theirs.info("not said")
    """
)


def _said(log_format: str) -> str:
    program = PROGRAM.replace("{log_format}", log_format)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_an_exceptions_kind_and_place_are_logged_but_not_its_words() -> None:
    # T13: the message of an exception may quote a token.
    for log_format in ("json", "text", "auto"):
        said = _said(log_format)
        assert "hunter2" not in said
        assert "ValueError" in said
        assert "fail" in said
        assert "not said" not in said


def test_logs_are_one_json_object_a_line_when_nobody_watches() -> None:
    lines = [json.loads(line) for line in _said("auto").splitlines()]
    assert lines[0] | {"at": ""} == {"event": "ready", "pid": 7, "level": "info", "at": ""}
    assert [line["event"] for line in lines[1:]] == [
        "failed",
        "Exception in ASGI application",
        "uvicorn.error",
        "it broke",
    ]
    assert lines[1]["error"] == "ValueError"
    assert any(place.endswith("fail") for place in lines[1]["where"])

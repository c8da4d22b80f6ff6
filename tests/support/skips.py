"""A skipped test is told loudly, and under CI=true it fails the run."""

import os

import pytest

FAILED = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a run with skips into a failed one when nothing may be skipped."""
    if _skipped(session.config) and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many tests did not run, so that nobody takes the run for a whole one."""
    if number := _skipped(config):
        verdict = "CI=true: this fails the run" if os.environ.get("CI") == "true" else "this was not a whole run"
        terminalreporter.section(f"{number} SKIPPED: {verdict}", sep="!", red=True, bold=True)


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", [])) if reporter else 0

"""Law 3: rules and model import no database, web, events, settings or clock; only base/clock.py reads the time."""

import ast
from collections.abc import Iterator

from tests.laws.source import Module, dotted, imports, planted, product

FORBIDDEN = (
    "gatewright.app",
    "gatewright.base.clock",
    "gatewright.db",
    "gatewright.events",
    "gatewright.settings",
    "gatewright.web",
    "aiosqlite",
    "asyncpg",
    "fastapi",
    "sqlalchemy",
    "starlette",
)
CLOCKS = (
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "time.localtime",
    "time.gmtime",
    "time.time",
    "time.time_ns",
)
EDGE = {"pages", "api", "endpoints"}
BELOW_THE_EDGE = ("rules", "model", "store", "grants")


def impure_imports(module: Module) -> Iterator[str]:
    """Yield what a pure room imports though it may not."""
    if module.is_room("rules", "model"):
        for name, node in imports(module):
            if any(name == wall or name.startswith(f"{wall}.") for wall in FORBIDDEN):
                yield f"{module.at(node)} imports {name}; law 3: pass the facts and `now` as arguments"


def clock_readings(module: Module) -> Iterator[str]:
    """Yield each place that reads the time outside base/clock.py."""
    if module.path == "base/clock.py":
        return
    for name, node in imports(module):
        if name in {"time.time", "time.time_ns"}:
            yield f"{module.at(node)} imports {name}; law 3: only base/clock.py reads the time"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and any(_ends_in(dotted(node), clock) for clock in CLOCKS):
            yield f"{module.at(node)} reads {dotted(node)}; law 3: only base/clock.py reads the time"


def clocks_below_the_edge(module: Module) -> Iterator[str]:
    """Yield each room below the services that asks base/clock.py instead of taking `now`."""
    if module.is_room(*BELOW_THE_EDGE) and not EDGE & set(module.parts):
        for name, node in imports(module):
            if name in {"gatewright.base.clock", "gatewright.base.clock.now"}:
                yield f"{module.at(node)} imports the clock; law 3: `now` is read at the edge and passed down"


def _ends_in(name: str, clock: str) -> bool:
    return name == clock or name.endswith(f".{clock}")


def test_rules_and_models_import_nothing_impure() -> None:
    assert [told for module in product() for told in impure_imports(module)] == []


def test_only_the_clock_reads_the_time() -> None:
    assert [told for module in product() for told in clock_readings(module)] == []


def test_now_is_passed_down_below_the_edge() -> None:
    assert [told for module in product() for told in clocks_below_the_edge(module)] == []


def test_an_impure_rule_is_caught() -> None:
    text = "from gatewright.db import schema\nimport gatewright.settings\nfrom gatewright.base import clock, ids\n"
    assert len(list(impure_imports(planted(text, path="oauth/rules.py")))) == 3
    assert len(list(impure_imports(planted(text, path="oauth/rules/refresh.py")))) == 3
    assert len(list(impure_imports(planted(text, path="oauth/authorize_rules.py")))) == 3
    assert list(impure_imports(planted(text, path="oauth/service.py"))) == []
    assert list(impure_imports(planted("from gatewright.base import ids", path="oauth/model.py"))) == []


def test_a_second_clock_is_caught() -> None:
    text = """
        import datetime as dt, time
        from datetime import datetime
        from time import time_ns
        a = datetime.now(); b = dt.datetime.utcnow(); c = time.time(); d = field(default_factory=datetime.now)
        waited = time.monotonic(); n = clock.now()
        """
    assert len(list(clock_readings(planted(text, path="oauth/tokens.py")))) == 5
    assert list(clock_readings(planted(text, path="base/clock.py"))) == []


def test_a_store_that_asks_the_clock_is_caught() -> None:
    text = "from gatewright.base.clock import now"
    assert len(list(clocks_below_the_edge(planted(text, path="oauth/grants/refresh_token.py")))) == 1
    assert len(list(clocks_below_the_edge(planted("from gatewright.base import clock", path="apps/store.py")))) == 1
    assert list(clocks_below_the_edge(planted(text, path="oauth/endpoints.py"))) == []

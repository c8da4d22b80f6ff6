"""Style 20: tests replace none of our own code and no clock."""

import ast
from collections.abc import Iterator

from tests.laws.source import ROOT, Module, dotted, imports, planted

CLOCKS = ("datetime", "time")


def replaced(module: Module) -> Iterator[str]:
    """Yield each `monkeypatch.setattr` on something of the product or on a clock."""
    own = {name.split(".")[-1] for name, _ in imports(module) if name.split(".")[0] in {"gatewright", *CLOCKS}}
    for node in (n for n in ast.walk(module.tree) if isinstance(n, ast.Call) and n.args):
        if dotted(node.func).endswith(("patch.setattr", "patch.delattr")):
            target = node.args[0]
            named = str(target.value) if isinstance(target, ast.Constant) else dotted(target)
            if named.split(".")[0] in {"gatewright", *CLOCKS, *own}:
                yield f"{module.at(node)} replaces {named}; style 20: pass the collaborator or `now` in"


def test_tests_replace_nothing_of_ours() -> None:
    files = sorted((ROOT / "tests").rglob("*.py"))
    modules = [planted(file.read_text(), path=str(file.relative_to(ROOT))) for file in files]
    assert [told for module in modules for told in replaced(module)] == []


def test_a_replaced_clock_or_service_is_caught() -> None:
    text = """
        from gatewright.base import clock
        from gatewright.oauth.service import refresh
        import os, time
        monkeypatch.setattr(clock, "now", fixed)
        monkeypatch.setattr("gatewright.base.clock.now", fixed)
        monkeypatch.setattr(time, "time", fixed)
        monkeypatch.setattr(refresh, "window", 0)
        monkeypatch.setattr(os, "environ", {})
        monkeypatch.setenv("GATEWRIGHT_ISSUER", "x")
        """
    assert len(list(replaced(planted(text, path="tests/test_x.py")))) == 4

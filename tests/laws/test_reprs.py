"""T13: a secret in clear is in no repr, so in no crash report and no log of an object."""

import ast
from collections.abc import Iterator

from tests.laws.source import Module, dotted, planted, product

FLOORS = {"activity", "apps", "oauth", "service_accounts"}
SECRET = {"access_token", "mac", "password", "refresh_token", "secret", "token", "verifier"}
CLEAR = {"bytes", "str"}


def shown_secrets(module: Module) -> Iterator[str]:
    """Yield each field of a dataclass that holds a secret in clear and is shown by its repr."""
    if module.floor not in FLOORS:
        return
    for made in ast.walk(module.tree):
        if isinstance(made, ast.ClassDef) and any(_is_dataclass(one) for one in made.decorator_list):
            for line in made.body:
                if isinstance(line, ast.AnnAssign) and _is_clear_secret(line) and not _is_hidden(line.value):
                    yield f"{module.at(line)} shows a secret in its repr; write field(repr=False)"


def _is_dataclass(decorator: ast.expr) -> bool:
    return dotted(decorator.func if isinstance(decorator, ast.Call) else decorator).endswith("dataclass")


def _is_clear_secret(line: ast.AnnAssign) -> bool:
    types = {node.id for node in ast.walk(line.annotation) if isinstance(node, ast.Name)}
    return dotted(line.target) in SECRET and bool(types & CLEAR)


def _is_hidden(value: ast.expr | None) -> bool:
    if not isinstance(value, ast.Call):
        return False
    given = {one.arg: one.value for one in value.keywords}
    shown = given.get("repr")
    return isinstance(shown, ast.Constant) and shown.value is False


def test_no_secret_is_in_a_repr() -> None:
    """T13."""
    assert [told for module in product() for told in shown_secrets(module)] == []


def test_a_shown_secret_is_caught() -> None:
    """T13."""
    for line in ("secret: str", "token: str | None = None", "mac: bytes", "verifier: str = field(repr=True)"):
        text = f"@dataclass(frozen=True)\nclass Made:\n    {line}\n"
        assert len(list(shown_secrets(planted(text, path="apps/model.py")))) == 1, line
    for line in ("secret: LiveSecret", "secret: str = field(repr=False)", "secret_id: str"):
        text = f"@dataclass\nclass Made:\n    {line}\n"
        assert list(shown_secrets(planted(text, path="apps/model.py"))) == [], line

"""Law 1, the part that the contracts cannot say: the world file sees nothing that answers requests."""

from collections.abc import Iterator

from tests.laws.source import Module, imports, planted, product


def answering_imports(module: Module) -> Iterator[str]:
    """Yield each import of the world file that reaches the web or a room that answers requests."""
    if module.floor == "world":
        for name, node in imports(module):
            parts = name.split(".")
            if parts[:2] == ["gatewright", "web"] or {"pages", "api", "endpoints"} & set(parts[2:]):
                yield f"{module.at(node)} imports {name}; law 1: the world file calls services alone"


def test_the_world_file_calls_services_alone() -> None:
    assert [told for module in product() for told in answering_imports(module)] == []


def test_a_world_file_that_reaches_the_web_is_caught() -> None:
    text = (
        "from gatewright.web import html\nfrom gatewright.apps import pages, service\nimport gatewright.oauth.endpoints"
    )
    assert len(list(answering_imports(planted(text, path="world/apply.py")))) == 3
    assert len(list(answering_imports(planted(text, path="world.py")))) == 3
    assert list(answering_imports(planted(text, path="app.py"))) == []

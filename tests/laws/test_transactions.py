"""Law 8: services open transactions; the rooms that answer requests never hold one."""

import ast
from collections.abc import Iterator

from tests.laws.source import Module, dotted, imports, planted, product

ANSWERING = ("pages", "api", "endpoints")


def held_transactions(module: Module) -> Iterator[str]:
    """Yield each place where a room that answers requests opens a transaction or asks for one."""
    if not module.is_room(*ANSWERING):
        return
    for name, node in imports(module):
        if name in {"gatewright.db.engine.Transaction", "gatewright.db.engine.verb"}:
            yield f"{module.at(node)} imports {name}; law 8: a service does, and commits before the answer"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and dotted(node.func).endswith(("database.write", "db.write")):
            yield f"{module.at(node)} opens a transaction; law 8: a service does, and commits before the answer"


def test_rooms_that_answer_open_no_transaction() -> None:
    assert [told for module in product() for told in held_transactions(module)] == []


def test_a_transaction_in_a_page_is_caught() -> None:
    text = """
        from gatewright.db.engine import Database, Transaction
        async def disconnect(request):
            await request.app.state.core.database.write(work)
            sink.write(b"bytes")
        """
    assert len(list(held_transactions(planted(text, path="apps/pages.py")))) == 2
    assert len(list(held_transactions(planted(text, path="apps/api/installations.py")))) == 2
    assert list(held_transactions(planted(text, path="apps/service.py"))) == []

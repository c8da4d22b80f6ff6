"""One word each: the product's own names keep to the table of docs/architecture.md."""

import ast
import re
from collections.abc import Iterator

from tests.laws.source import Function, Module, planted, product

INSTEAD = {
    "actor": "principal",
    "subject": "principal",
    "member": "contact",
    "profile": "contact",
    "application": "app, or client as OAuth sees it",
    "destroy": "end, retire, consume or revoke",
    "invalidate": "end, retire, consume or revoke",
    "kill": "end, retire, consume or revoke",
    "util": "a name that says what is in it",
    "helper": "a name that says what is in it",
    "manager": "a name that says what is in it",
    "do": "a verb that says what is done",
    "process": "a verb that says what is done",
    "handle": "a verb that says what is done",
}
ONLY_AS_FIRST_WORD = {"do", "process", "handle"}
# Names that a library chose, and the domain's own phrase: a contact is a member of a project (P3).
GIVEN = {"process_bind_param", "process_result_value", "is_member", "project_members"}


def forbidden_words(module: Module) -> Iterator[str]:
    """Yield each name that the module defines with a word that the table forbids."""
    for name, node in _definitions(module):
        for position, word in enumerate(_words(name)):
            only_first = word in ONLY_AS_FIRST_WORD
            if word in INSTEAD and name not in GIVEN and not (only_first and (position or not _is_verb(node))):
                yield f"{module.at(node)} {name}: not {word!r} but {INSTEAD[word]}"


def _definitions(module: Module) -> Iterator[tuple[str, ast.AST]]:
    yield module.parts[-1], module.tree
    for node in ast.walk(module.tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.arg):
            yield node.arg, node
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node


def _is_verb(node: ast.AST) -> bool:
    return isinstance(node, Function)


def _words(name: str) -> list[str]:
    """Return the words of a snake_case or CamelCase name, in the singular."""
    spread = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word if word.endswith("ss") else word.removesuffix("s") for word in spread.lower().split("_") if word]


def test_names_keep_to_the_table() -> None:
    assert [told for module in product() for told in forbidden_words(module)] == []


def test_a_forbidden_word_is_caught() -> None:
    for text in (
        "def end(actor): ...",
        "class TokenSubject: ...",
        "members = 1",
        "def invalidate_family(): ...",
        "for application in apps: ...",
        "def do_refresh(): ...",
        "async def handle_token(): ...",
    ):
        assert len(list(forbidden_words(planted(text, path="x.py")))) == 1, text
    assert len(list(forbidden_words(planted("", path="web/utils.py")))) == 1
    for text in ("process = start()", "membership = 1", "x = event.subject", "def end_family(): ...", "do = 1"):
        assert list(forbidden_words(planted(text, path="x.py"))) == [], text

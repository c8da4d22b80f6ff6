"""Law 9: rooms of at most 350 lines, functions of at most 30, more only with a reason in a comment."""

from collections.abc import Iterator
from pathlib import Path

from tests.laws.source import ROOT, Function, Module, functions, planted, product

ROOM = 350
FUNCTION = 30
TOP = 15
REASON = "# long: "
FOLDERS = ("demo", "examples", "scripts", "sdk/src")


def crowded(module: Module) -> Iterator[str]:
    """Yield the module when it has too many lines and no `# long: reason` near its top."""
    lines = len(module.text.splitlines())
    if lines > ROOM and not _names_reason(module.text.splitlines()[:TOP]):
        yield f"{module.path} has {lines} lines; law 9: at most {ROOM}"


def long_functions(module: Module) -> Iterator[str]:
    """Yield each function with too many lines and no `# long: reason` above it or on its body's first line."""
    for function in functions(module):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION and not _has_reason(module, function):
            yield f"{module.at(function)} {function.name} has {lines} lines; law 9: at most {FUNCTION}"


def _has_reason(module: Module, function: Function) -> bool:
    lines = module.text.splitlines()
    above = min([function.lineno, *(d.lineno for d in function.decorator_list)]) - 2
    signature_end = function.body[0].lineno - 1
    places = [lines[above] if above >= 0 else "", *lines[function.lineno - 1 : signature_end + 1]]
    return _names_reason(places)


def _names_reason(places: list[str]) -> bool:
    return any(place.partition(REASON)[2].strip() for place in places)


def _beside_the_product() -> list[Module]:
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    return [planted(Path(file).read_text(), path=str(file.relative_to(ROOT))) for file in files]


def test_rooms_are_short() -> None:
    assert [told for module in (*product(), *_beside_the_product()) for told in crowded(module)] == []


def test_functions_are_short() -> None:
    assert [told for module in (*product(), *_beside_the_product()) for told in long_functions(module)] == []


def test_a_crowded_room_is_caught() -> None:
    assert list(crowded(planted("a = 1\n" * 350, path="x.py"))) == []
    assert len(list(crowded(planted("a = 1\n" * 351, path="x.py")))) == 1
    assert list(crowded(planted("# long: one page\n" + "a = 1\n" * 351, path="x.py"))) == []


def test_a_long_function_is_caught() -> None:
    assert list(long_functions(planted("def f():\n" + "    a = 1\n" * 29, path="x.py"))) == []
    assert len(list(long_functions(planted("def f():\n" + "    a = 1\n" * 30, path="x.py")))) == 1
    assert len(list(long_functions(planted("class C:\n  async def f():\n" + "    a = 1\n" * 30, path="x.py")))) == 1


def test_a_long_function_with_a_reason_stands() -> None:
    body = "    a = 1\n" * 31
    assert list(long_functions(planted("# long: one table\ndef f():\n" + body, path="x.py"))) == []
    assert list(long_functions(planted("# long: one table\n@d\ndef f():\n" + body, path="x.py"))) == []
    assert list(long_functions(planted("def f():\n    # long: one table\n" + body, path="x.py"))) == []
    assert list(long_functions(planted('def f():\n    """Return."""  # long: one table\n' + body, path="x.py"))) == []
    assert len(list(long_functions(planted("def f():\n    # long: \n" + body, path="x.py")))) == 1

"""What a world file may say; whatever is wrong is told at once, each with its line."""

from datetime import timedelta
from textwrap import dedent

import pytest

from gatewright.base.levels import Level
from gatewright.base.yaml_nodes import MOST_NODES, BadFile
from gatewright.world.model import World
from gatewright.world.parse import parse

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"


def _parse(text: str) -> World:
    return parse(dedent(text).lstrip())


def _lines(text: str) -> list[tuple[int, str]]:
    with pytest.raises(BadFile) as bad:
        _parse(text)
    return [(fault.line, f"{fault.where}: {fault.message}") for fault in bad.value.faults]


def test_every_key_of_a_world_is_read() -> None:
    world = _parse(
        """
        tools: [{key: rfis, name: RFIs, scope: project, levels: [none, admin]}]
        terms: {version: "2026-11", text: Be kind.}
        users:
          - {email: Ada@northwind.example, name: Ada, password: secret, active: false, operator: true}
        companies:
          - name: Northwind
            app_access: approval
            projects: [{name: Pier 9, number: 9}]
            templates: [{name: Engineer, company: {directory: read_only}, project: {rfis: admin}}]
            contacts: [{user: ada@northwind.example, levels: {admin: admin}, projects: {Pier 9: {rfis: none}}}]
            service_accounts: [{name: Export, levels: {directory: admin}, confirm: directory-admin}]
            installations: [{app: Sync, status: disconnected}]
        apps:
          - {name: Sync, owner: ada@northwind.example, type: public, homepage: "https://a.example", scopes: [],
             redirect_uris: ["https://a.example/cb"], retry_window: 10m, resource_server: false, blocked: true}
        """
    )
    company, app = world.companies[0], world.apps[0]
    assert world.tools is not None
    assert world.tools[0].levels == (Level.NONE, Level.ADMIN)
    assert world.terms is not None
    assert world.users[0].is_active is False
    assert world.users[0].is_operator is True
    assert company.projects[0].number == "9"
    assert company.contacts[0].projects["Pier 9"].levels["rfis"].level is Level.NONE
    assert company.service_accounts[0].confirm == "directory-admin"
    assert company.installations[0].status == "disconnected"
    assert (app.is_confidential, app.retry_window, app.scopes) == (False, timedelta(minutes=10), ())


def test_what_is_left_out_is_none() -> None:
    world = _parse("companies: [{name: Northwind}]")
    assert world.tools is None
    assert world.companies[0].app_access is None
    assert world.companies[0].contacts == ()


def test_every_fault_is_told_with_its_line() -> None:
    assert _lines(
        """
        users:
          - {email: nonsense, name: Ada}
          - {name: Ben}
          - {email: c@c.example, nmae: Carla}
        companies:
          - name: Northwind
            app_access: closed
            contacts:
              - user: c@c.example
                levels:
                  directory: owner
        """
    ) == [
        (2, "users[0].email: must be an e-mail address, such as ada@example.com"),
        (3, "users[1]: needs email"),
        (
            4,
            "users[2].nmae: is not known here; known are email, name, password, password_hash, active, operator",
        ),
        (7, "companies[0].app_access: must be open or approval, not 'closed'"),
        (
            11,
            "companies[0].contacts[0].levels.directory: must be none or read_only or standard or admin, not 'owner'",
        ),
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("users: [{email: a@a.example, email: b@b.example}]", 1, "repeats the key 'email' of line 1"),
        ("users: []\nusers: []", 2, "repeats the key 'users' of line 1"),
        ("users:\n- {email: a@a.example}\n- {email: A@A.example}", 3, "stands on line 2 already"),
        ("companies:\n- {name: A}\n- {name: A}", 3, "'A' stands on line 2 already"),
        ("companies: [{name: No}]", 1, "must be a text: put it in quotes"),
        ("companies: [{name: 12}]", 1, "must be a text: put it in quotes"),
        ("companies: {name: A}", 1, "must be a list"),
        ("companies: [A]", 1, "must be a mapping"),
        ("users: [{email: a@a.example, name: ~}]", 1, "has no value; write one, or leave the key out"),
        ("users: [{email: a@a.example, active: 1}]", 1, "must be true or false"),
        ("users: [{email: a@a.example, password_hash: md5}]", 1, "must be an argon2id hash"),
        ("users: [{email: a@a.example, password_hash: $argon2id$x}]", 1, "must be an argon2id hash"),
        (f"users: [{{email: a@a.example, password_hash: '{HASH.replace('m=8', 'm=x')}'}}]", 1, "PHC form"),
        (f"users:\n- email: a@a.example\n  password_hash: {HASH[:-16]}", 3, "PHC form"),
        (f"users: [{{email: a@a.example, password_hash: '{HASH.replace('c2FsdHNhbHQ', '!')}'}}]", 1, "PHC form"),
        (f"users: [{{email: a@a.example, password_hash: '{HASH.replace('2id', '2i')}'}}]", 1, "PHC form"),
        ("users:\n- email: a@a.example\n  password: ''", 3, "must not be empty"),
        ("users: [{email: a@a.example, password: x, password_hash: $argon2id$x}]", 1, "cannot stand beside"),
        ("apps: [{name: A, retry_window: soon}]", 1, "such as 10m"),
        ("apps: [{name: A, retry_window: 31d}]", 1, "must be at most 30d"),
        ("apps: [{name: A, type: native}]", 1, "must be confidential or public"),
        ("tools: [{key: RFI, name: R, scope: project}]", 1, "must be small letters"),
        ("", 1, "is empty"),
        ("users: [", 1, "is no YAML"),
        ("users: \x00", 1, "characters that YAML does not allow"),
        ("- a", 1, "must be a mapping"),
        ("users: !!python/object/apply:os.system [echo]", 1, "must be a mapping"),
        ("? [a]\n: b", 1, "each key must be a plain text"),
        ("<<: {users: []}", 1, "each key must be a plain text"),
    ],
)
def test_a_wrong_file_says_what_to_write(text: str, line: int, said: str) -> None:
    faults = _lines(text)
    assert any(at == line and said in message for at, message in faults), faults


def test_aliases_do_not_blow_a_small_file_up() -> None:
    bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    assert _lines("\n".join(bomb))  # unknown keys: never walked into
    levels = "l: &l {" + ", ".join(f"t{n}: admin" for n in range(1000)) + "}"
    contacts = "\n".join(f"    - {{user: u{n}@a.example, levels: *l}}" for n in range(300))
    ((_, said),) = _lines(f"{levels}\ncompanies:\n  - name: A\n    contacts:\n{contacts}")[:1]
    assert f"says more than {MOST_NODES} things" in said


def test_a_deep_file_is_refused() -> None:
    assert "nested too deeply" in _lines("users: " + "[" * 5000)[0][1]


def test_an_alias_that_holds_itself_is_refused() -> None:
    assert _lines("users: &a [*a]")

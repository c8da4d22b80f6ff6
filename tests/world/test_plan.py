"""What a file would change; never a deletion, and nothing for a key that was left out."""

from textwrap import dedent

import pytest

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, UserId
from gatewright.base.levels import Level
from gatewright.base.yaml_nodes import BadFile
from gatewright.world.parse import parse
from gatewright.world.plan import plan
from gatewright.world.state import AppState, CompanyState, ContactState, ProjectState, State, ToolState, UserState

FOUR = tuple(Level)
ADA = UserState(UserId(1), "Ada", is_active=True, is_operator=False)
CONTACT = ContactState(
    ContactId(1),
    "ada@a.example",
    UserId(1),
    None,
    {"directory": Level.READ_ONLY},
    {ProjectId(1): {"rfis": Level.STANDARD}},
)
NORTHWIND = CompanyState(
    CompanyId(1),
    "open",
    {"Pier 9": ProjectState(ProjectId(1), "P-9")},
    {"Engineer": ({"directory": Level.READ_ONLY}, {})},
    (CONTACT,),
    (),
    {AppId(1): "connected"},
)
SYNC = AppState(
    id=AppId(1),
    owner_id=UserId(1),
    client_id="app_1",
    is_confidential=True,
    homepage="",
    redirect_uris=("https://a.example/cb",),
    scopes=(),
    retry_window=None,
    is_resource_server=False,
    is_blocked=False,
)
STATE = State(
    tools={("project", "rfis"): ToolState("RFIs", FOUR)},
    terms={"1": "Be kind."},
    users={"ada@a.example": ADA},
    companies={"Northwind": NORTHWIND},
    apps={"Sync": SYNC},
)


def _says(text: str, state: State = STATE) -> list[str]:
    return [step.says for step in plan(parse(dedent(text).lstrip()), state, service_domain="service.example")]


def _faults(text: str, state: State = STATE) -> list[str]:
    with pytest.raises(BadFile) as bad:
        plan(parse(dedent(text).lstrip()), state, service_domain="service.example")
    return [f"{fault.line}: {fault.where}: {fault.message}" for fault in bad.value.faults]


def test_a_file_that_says_what_is_there_changes_nothing() -> None:
    assert (
        _says(
            """
            terms: {version: "1", text: Be kind.}
            users: [{email: ADA@a.example, name: Ada, active: true, operator: false, password: another}]
            companies:
              - name: Northwind
                app_access: open
                projects: [{name: Pier 9, number: P-9}]
                templates: [{name: Engineer, company: {directory: read_only}}]
                contacts:
                  - user: ada@a.example
                    levels: {directory: read_only, admin: none}
                    projects: {Pier 9: {rfis: standard}}
                installations: [{app: Sync, status: connected}]
            apps: [{name: Sync, owner: ada@a.example, type: confidential, redirect_uris: ["https://a.example/cb"]}]
            """
        )
        == []
    )


def test_only_the_keys_present_are_applied() -> None:
    assert _says("companies: [{name: Northwind, contacts: [{user: ada@a.example}]}]\napps: [{name: Sync}]") == []


def test_what_differs_is_changed() -> None:
    assert _says(
        """
        users: [{email: ada@a.example, name: Ada Park, operator: true, active: false}]
        companies:
          - name: Northwind
            app_access: approval
            projects: [{name: Pier 9, number: P-10}]
            templates: [{name: Engineer, project: {rfis: admin}}]
            contacts: [{user: ada@a.example, levels: {}, projects: {Pier 9: {}}}]
            installations: [{app: Sync, status: disconnected}]
        apps: [{name: Sync, homepage: "https://a.example", retry_window: 0, blocked: true}]
        """
    ) == [
        "user ada@a.example: name Ada Park, operator",
        "app Sync: homepage, retry_window",
        "app Sync: blocked",
        "company Northwind: app_access open → approval",
        "Northwind: project Pier 9: number P-9 → P-10",
        "Northwind: template Engineer",
        "Northwind: ada@a.example: levels none",
        "Northwind: ada@a.example: Pier 9 none",
        "Northwind: installation of Sync: disconnected",
        "user ada@a.example: deactivated",
    ]


def test_an_empty_database_gets_the_demo_set_of_tools() -> None:
    # M1: every level but on `admin`, which is built in.
    says = _says("users: []", State())
    assert says == [
        "company tool documents",
        "company tool reports",
        "company tool webhooks",
        "project tool rfis",
        "project tool drawings",
        "project tool daily_log",
        "project tool budget",
        "project tool documents",
    ]
    assert _says("users: []") == []
    assert _says("tools: [{key: rfis, name: RFIs, scope: project}]", State()) == ["project tool rfis"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users: [{email: new@a.example}]", "needs a name"),
        ("users: [{email: new@Service.Example, name: New}]", "only service accounts"),  # S2
        ("apps: [{name: New}]", "needs owner and type"),
        ("apps: [{name: New, owner: nobody@a.example, type: public}]", "nobody@a.example is no user"),
        ("apps: [{name: Sync, type: public}]", "cannot change its type"),
        ('apps: [{name: Sync, redirect_uris: ["http://evil.example/"]}]', "must use https"),
        ("apps: [{name: Sync, scopes: [everything]}]", "out of: company.manage"),
        ('terms: {version: "1", text: Other.}', "name a new version"),
        ("tools: [{key: admin, name: Admin, scope: company}]", "is built in"),
        ("tools: [{key: directory, name: Directory, scope: project}]", "is the key of a built-in company tool"),
        ("tools: [{key: admin, name: Admin, scope: project}]", "is the key of a built-in company tool"),
        ("tools: [{key: x, name: X, scope: company, levels: [admin, none]}]", "lowest first"),
        ("companies: [{name: A, contacts: [{user: nobody@a.example}]}]", "there is no such user"),
        ("companies: [{name: A, installations: [{app: Nothing, status: connected}]}]", "there is no such app"),
        (
            "companies: [{name: Northwind, contacts: [{user: ada@a.example, projects: {Pier 8: {}}}]}]",
            "no such project",
        ),
        (
            "companies: [{name: Northwind, contacts: [{user: ada@a.example, levels: {rfis: admin}}]}]",
            "'rfis' is no company tool; there are directory, admin",
        ),
        (
            "companies: [{name: Northwind, contacts: [{user: ada@a.example, levels: {admin: standard}}]}]",
            "admin has no level standard; it has none, admin",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(text: str, said: str) -> None:
    (fault,) = _faults(text)
    assert fault.startswith("1: ")
    assert said in fault


def test_a_service_account_becomes_company_admin_only_when_it_is_confirmed() -> None:
    # S10
    text = "companies:\n- name: Northwind\n  service_accounts:\n  - name: Bot\n    levels: {directory: admin}\n"
    (fault,) = _faults(text)
    assert fault.startswith("5: ")
    assert "confirm: directory-admin" in fault
    assert _says(text + "    confirm: directory-admin\n") == [
        "Northwind: service account Bot",
        "Northwind: Bot: levels directory admin",
    ]

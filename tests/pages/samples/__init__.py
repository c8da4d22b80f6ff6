"""Every page with something on it: full, empty and stressed (long, hostile and reversing names).

`PAGES` maps a sample's name to its template and context, the frame around it included.
"""

from dataclasses import replace
from typing import Final

from tests.pages.samples.accounts import beginnings, recoveries
from tests.pages.samples.ceremonies import ceremonies
from tests.pages.samples.companies import company, service_accounts
from tests.pages.samples.developers import developer
from tests.pages.samples.directories import directory
from tests.pages.samples.explanations import explanations
from tests.pages.samples.operated import operated
from tests.pages.samples.operated_apps import operated_apps
from tests.pages.samples.operated_health import operated_health
from tests.pages.samples.operated_keys import operated_keys
from tests.pages.samples.parts import HOSTILE, LONG, PLAIN, REVERSING, STRESS, Context
from tests.pages.samples.people import own_account, refusals, sign_in
from tests.pages.samples.records import records
from tests.pages.samples.trials import trials

SOURCES: Final = (
    sign_in,
    beginnings,
    recoveries,
    ceremonies,
    own_account,
    company,
    directory,
    service_accounts,
    developer,
    trials,
    explanations,
    refusals,
    records,
    operated_apps,
    operated_keys,
    operated_health,
    operated,
)
PAGES: Final[dict[str, tuple[str, Context]]] = {
    name: (template, context) for source in SOURCES for name, template, context in source(PLAIN)
}
STRESSED: Final[dict[str, tuple[str, Context]]] = {
    f"{kind}_{name}": (template, context)
    for kind, stress in (
        ("stress", STRESS),
        ("hostile", replace(STRESS, company=HOSTILE, app=LONG, developer=LONG, account=HOSTILE, user=REVERSING)),
    )
    for source in SOURCES
    for name, template, context in source(stress)
}
EVERY: Final = {**PAGES, **STRESSED}

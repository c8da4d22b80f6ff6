"""The operator's pages about the deployment itself."""

import pytest

from tests.support.databases import DIALECTS
from tests.support.statements import counted
from tests.support.world import World

PATHS = ("/operator/settings", "/operator/health")


@pytest.mark.parametrize("path", PATHS)
async def test_only_operators_see_the_deployment(world: World, path: str) -> None:
    """P6: a company admin is refused, nobody is sent to sign in."""
    refused = await (await world.signed_in("ada")).get(path)
    assert refused.status_code == 403
    assert "Settings" not in refused.text.replace("company settings", "")
    assert (await world.client.get(path)).status_code == 303
    assert (await (await world.signed_in("oda")).get(path)).status_code == 200


async def test_every_setting_is_shown_with_its_source_and_no_secret(world: World) -> None:
    """T13: what a test gave has the source "given", all else is the default."""
    page = (await (await world.signed_in("oda")).get("/operator/settings")).text
    for name in type(world.house.settings).model_fields:
        assert f"GATEWRIGHT_{name.upper()}" in page
    assert world.house.settings.secret_keys[0] not in page
    assert ">given<" in page
    assert ">default<" in page


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_health_is_told_in_sentences(world: World, flow_dialect: str) -> None:
    """Database, schema, keys, clock, mail, workers, issuer; the same statements however much there is."""
    oda = await world.signed_in("oda")
    page = (await oda.get("/operator/health")).text
    for said in (
        "is reachable, with this version",
        "one to sign tokens with",
        "Agrees with the database",
        "One process",
    ):
        assert said in page
    assert f"{ {'sqlite': 'SQLite', 'postgresql': 'PostgreSQL'}[flow_dialect] } is reachable" in page
    with counted(world.house.database) as before:
        await oda.get("/operator/health")
    for number in range(5):
        await world.add_person(f"more{number}", f"More {number}")
    with counted(world.house.database) as after:
        await oda.get("/operator/health")
    assert len(after.statements) == len(before.statements)

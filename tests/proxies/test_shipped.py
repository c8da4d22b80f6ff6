"""The files that are shipped: nginx's as nginx itself judges it, the others' lists of what does not arrive."""

import itertools
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.nginx import SHIPPED, needed_nginx, shipped

DEPLOY = SHIPPED.parents[1]
ISSUED = ("User-Id", "Service-Account-Id", "Client-Id", "Company-Id", "Contact-Id", "Level", "Scope", "Assertion")
REWRITERS = (
    "Forwarded",
    "X-Forwarded-Method",
    "X-Forwarded-Uri",
    "X-Forwarded-Prefix",
    "X-Original-URI",
    "X-Original-URL",
    "X-Original-Method",
    "X-Original-Host",
    "X-Rewrite-URL",
)
# With dashes they are the proxy's own words, or refused by Gatewright.
OTHERWISE_SPELT = (
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
)
KEPT = ("Authorization", "Gatewright-Company-Id", "Procore-Company-Id", "Content-Type", "X-Request-Id", "X-Model")


def test_the_shipped_file_is_one_that_nginx_takes_without_a_warning(tmp_path: Path) -> None:
    """X1: with nothing around it but what every nginx.conf has."""
    (tmp_path / "gatewright.conf").write_text(shipped(port=1, gatewright=2, api=3))
    around = "pid x.pid;\nevents {}\nhttp { access_log off; include gatewright.conf; }\n"
    (tmp_path / "nginx.conf").write_text(around)
    command = [str(needed_nginx()), "-t", "-q", "-p", f"{tmp_path}/", "-c", "nginx.conf"]
    said = subprocess.run(command, capture_output=True, check=False)
    assert said.returncode == 0, said.stderr
    assert b"[warn]" not in said.stderr, said.stderr


def spellings(name: str, joints: str) -> Iterator[str]:
    """Yield the ways to join the words of a header's name: PHP reads all of them as one."""
    first, *others = name.split("-")
    for joined in itertools.product(joints, repeat=len(others)):
        yield first + "".join(joint + word for joint, word in zip(joined, others, strict=True))


def _removed_by_caddy() -> Callable[[str], bool]:
    text = (DEPLOY / "caddy" / "Caddyfile").read_text()
    removed = [name.lower() for name in re.findall(r"^\t\trequest_header -(\S+)$", text, re.MULTILINE)]
    whole = {name for name in removed if not name.endswith("*")}
    begun = tuple(name[:-1] for name in removed if name.endswith("*"))
    return lambda name: name.lower() in whole or name.lower().startswith(begun)


def _removed_by_traefik() -> Callable[[str], bool]:
    told: Any = yaml.safe_load((DEPLOY / "traefik" / "gatewright.yaml").read_text())
    pattern = told["http"]["middlewares"]["gatewright"]["forwardAuth"]["authResponseHeadersRegex"]
    return lambda name: re.search(pattern, name) is not None


def _removed_by_envoy() -> Callable[[str], bool]:
    told: Any = yaml.safe_load((DEPLOY / "envoy" / "envoy.yaml").read_text())
    manager = told["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    assert manager["common_http_protocol_options"]["headers_with_underscores_action"] == "REJECT_REQUEST"
    mutations = manager["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    whole = {one["remove"] for one in mutations if "remove" in one}
    matchers = [
        one["remove_on_match"]["key_matcher"]["safe_regex"]["regex"] for one in mutations if "remove" not in one
    ]
    return lambda name: "_" in name or name.lower() in whole or any(re.fullmatch(m, name.lower()) for m in matchers)


@pytest.mark.parametrize("removed_by", [_removed_by_caddy, _removed_by_traefik, _removed_by_envoy])
def test_the_other_files_remove_every_spelling_of_what_is_not_the_clients_to_say(
    removed_by: Callable[[], Callable[[str], bool]],
) -> None:
    """X1: Go's servers and Envoy keep dots, which PHP reads as underscores."""
    is_removed = removed_by()
    names = [*(f"Gatewright-Auth-{name}" for name in ISSUED), *REWRITERS]
    written = [spelling for name in names for spelling in spellings(name, "-_.")]
    written += [spelling for name in OTHERWISE_SPELT for spelling in spellings(name, "-_.") if spelling != name]
    assert len(written) > 200
    assert [name for name in written if not (is_removed(name) and is_removed(name.upper()))] == []
    assert [name for name in KEPT if is_removed(name)] == []

"""Long lists on pages: which part is asked for, and the addresses of its neighbours."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request

from gatewright.web.api import Page, asked_page

PER_PAGE = 50


def part_of(request: Request, total: int) -> Page:
    """Return the part of a list that is asked for; beyond its end the last one."""
    return Page(min(asked_page(request).number, _last(total)), PER_PAGE)


def paging(path: str, asked: Mapping[str, str], page: Page, total: int) -> dict[str, object]:
    """Return what the macro `pages` shows; `asked` is the rest of the query, kept in its links."""

    def href(number: int) -> str:
        kept = {name: value for name, value in asked.items() if value}
        return f"{path}?{urlencode({**kept, 'page': str(number)})}"

    return {
        "page": page.number,
        "last": _last(total),
        "total": total,
        "previous": href(page.number - 1) if page.number > 1 else None,
        "next": href(page.number + 1) if page.number < _last(total) else None,
    }


def _last(total: int) -> int:
    return max(1, -(-total // PER_PAGE))

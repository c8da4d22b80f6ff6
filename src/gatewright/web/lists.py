"""Lists on pages: fifty rows at a time, with the way to the rows before and after."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request

from gatewright.web.api import Page, asked_page

PER_PAGE = 50


def shown_page(request: Request, total: int) -> Page:
    """Return the page that was asked for, or the last there is."""
    return Page(min(asked_page(request).number, _last(total)), PER_PAGE)


def paging(path: str, page: Page, total: int, *, asked: Mapping[str, str]) -> dict[str, object]:
    """Return what the macro `pages` shows; `asked` is the rest of the query, kept in the links."""
    last = _last(total)
    kept = {name: value for name, value in asked.items() if value}

    def href(number: int) -> str:
        return f"{path}?{urlencode({**kept, 'page': number})}"

    return {
        "page": page.number,
        "last": last,
        "total": total,
        "previous": href(page.number - 1) if page.number > 1 else None,
        "next": href(page.number + 1) if page.number < last else None,
    }


def _last(total: int) -> int:
    return max(1, -(-total // PER_PAGE))

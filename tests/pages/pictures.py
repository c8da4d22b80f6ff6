"""Which pictures `make screenshots` takes for docs/design.md and the README: which page, how wide, what of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
GUIDE: Final = ROOT / "docs" / "design.md"
FOLDER: Final = ROOT / "docs" / "design"
BOARDS: Final = Path(__file__).parent / "boards"
BOTH: Final = ("light", "dark")
DESK: Final = 1280
BENCH: Final = 960
BOARD: Final = 800
PHONE: Final = 390


@dataclass(frozen=True, slots=True)
class Picture:
    """One thing to be shown, in each of its themes.

    `page` is a sample or, with `boards/` before it, a board. `cut` names by selectors what is kept,
    the whole page where it is empty. `opened` is clicked before, `chosen` is a label and the value to choose for it.
    """

    name: str
    page: str
    cut: str = ""
    width: int = BENCH
    margin: int = 12
    themes: tuple[str, ...] = BOTH
    opened: str = ""
    chosen: tuple[str, str] | None = None

    @property
    def files(self) -> dict[str, str]:
        """Return each theme's file name."""
        return {theme: f"{self.name}-{theme}.png" for theme in self.themes}


def board(name: str) -> Picture:
    """Return the picture of a board: what no page shows side by side."""
    return Picture(name, f"boards/{name}", "[data-board]", width=BOARD)


def whole(name: str, page: str, *, desk: tuple[str, ...] = BOTH, phone: tuple[str, ...] = ("light",)) -> list[Picture]:
    """Return the pictures of a whole page, wide and narrow, each in the themes named."""
    return [
        Picture(f"page-{name}-{width}", page, width=width, themes=themes)
        for width, themes in ((DESK, desk), (PHONE, phone))
        if themes
    ]


LIGHT: Final = ("light",)
COMPONENTS: Final = (
    board("mark"),
    board("colours"),
    board("type"),
    board("buttons"),
    board("tile"),
    board("status"),
    board("level"),
    board("field"),
    board("words"),
    Picture(
        "navigation",
        "app_management",
        ".gw-bar, .gw-place:not(.gw-me) .gw-menu",
        opened=".gw-place:not(.gw-me) summary",
    ),
    Picture("table", "app_management", ".gw-panel:has(> table), .gw-paging", width=DESK),
    Picture("table-folded", "app_management", ".gw-panel:has(> table)", width=PHONE),
    Picture("facts", "app", ".gw-facts"),
    Picture("bars", "app", ".gw-panel:has(> .gw-plot)"),
    Picture("waiting", "app_management", ".gw-waiting"),
    Picture("stop", "app", ".gw-stop"),
    Picture("stop-typed", "service_account", ".gw-stop:has(#delete-name)", opened=".gw-stop:has(#delete-name) summary"),
    Picture("receipt", "app_disconnected", ".gw-receipt"),
    Picture("secret", "account_secret", ".gw-arch, .gw-stone", margin=24),
    Picture("levels", "contact", ".gw-levels-form", width=DESK),
    Picture("save", "contact", ".gw-save", chosen=("RFIs on Pier 9", "standard")),
    Picture("sheet", "contact", ".gw-sheet", width=DESK),
    Picture("explain", "explain", ".gw-why"),
    Picture("policy", "settings", ".gw-panel:has(> fieldset)"),
    Picture("made-here", "end_app", ".gw-ticks"),
    Picture("explain-refused", "explain_out_of_reach", ".gw-why"),
    Picture("events", "overview", ".gw-events"),
    Picture("empty", "app_management_none", ".gw-empty"),
    Picture("refusal", "refused", ".gw-mid", margin=24),
    Picture("arch", "sign_in", ".gw-arch, .gw-stone", margin=24),
)
PAGES: Final = (
    *whole("consent", "consent", phone=BOTH),
    *whole("app-management", "app_management"),
    *whole("app", "app", desk=LIGHT),
    *whole("contact", "contact", desk=LIGHT),
    *whole("directory", "directory", desk=LIGHT),
    *whole("explain", "explain", desk=LIGHT),
    *whole("secret", "account_secret", desk=("dark",)),
    *whole("refused", "refused", desk=LIGHT, phone=()),
    *whole("developer-app", "developer_app", desk=LIGHT),
    *whole("overview", "overview", desk=("dark",)),
    *whole("home", "home", phone=("dark",)),
    *whole("empty", "app_management_none", desk=LIGHT, phone=()),
)
PICTURES: Final = (*COMPONENTS, *PAGES)

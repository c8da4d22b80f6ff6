"""Levels of permission, ordered (M1)."""

from enum import IntEnum


class Level(IntEnum):
    """How much one may do with a tool: `none < read_only < standard < admin`."""

    NONE = 0
    READ_ONLY = 1
    STANDARD = 2
    ADMIN = 3

    @property
    def key(self) -> str:
        """Return the level as the wire and the database write it."""
        return self.name.lower()

    @property
    def word(self) -> str:
        """Return the level as people read it."""
        return self.name.capitalize().replace("_", " ")

    @classmethod
    def from_key(cls, key: str) -> "Level":
        """Return the level written `key`; ValueError for any other text."""
        for level in cls:
            if level.key == key:
                return level
        raise ValueError(f"{key!r} is not a level; use none, read_only, standard or admin")

"""What a change leaves alone."""

from enum import Enum
from typing import Final


class Keep(Enum):
    """Stands for "leave it as it is" where None means something else."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP

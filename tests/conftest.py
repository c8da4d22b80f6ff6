"""What every test may ask for; see the modules below for each."""

from hypothesis import settings

pytest_plugins = (
    "tests.support.skips",
    "tests.support.order",
    "tests.support.databases",
    "tests.support.filled",
    "tests.support.browser",
    "tests.support.valkey",
)

# How long an example takes on a busy computer says nothing about what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

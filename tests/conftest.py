"""What every test may ask for; see the modules below for each."""

pytest_plugins = ("tests.support.skips", "tests.support.databases", "tests.support.browser", "tests.support.valkey")

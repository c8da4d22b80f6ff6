"""The operator's settings and health."""

from tests.pages.samples.parts import Names, Pages, frame


def operated_health(names: Names) -> Pages:
    """Yield the operator's settings and health."""
    settings = [
        {
            "name": "GATEWRIGHT_ISSUER",
            "value": "https://id.northwind.example",
            "source": "the environment",
            "meaning": "Base of every link and token; never taken from Host.",
        },
        {
            "name": "GATEWRIGHT_DATABASE_URL",
            "value": "postgresql://gatewright:***@database.internal.northwind.example:5432/gatewright?sslmode=verify-full",
            "source": "/etc/gatewright/gatewright.toml",
            "meaning": "sqlite:///PATH or postgresql://…; empty: SQLite in DATA_DIR.",
        },
        {"name": "GATEWRIGHT_SIGN_UP", "value": "off", "source": "default", "meaning": "Whether people may sign up."},
    ]
    yield "operator_settings", "operator/settings.html", {**frame(names, "operator", "Settings"), "settings": settings}
    fine = [
        {"about": "database", "says": "PostgreSQL is reachable, with this version's schema.", "is_wrong": False},
        {"about": "clock", "says": "Agrees with the database.", "is_wrong": False},
    ]
    late = "3 messages wait, the oldest for 42 min; look at the log for why the mail server takes none."
    inside = frame(names, "operator", "Health")
    yield "operator_health", "operator/health.html", {**inside, "findings": fine, "wrong": 0}
    wrong = [{"about": "mail", "says": late, "is_wrong": True}, *fine]
    yield "operator_health_wrong", "operator/health.html", {**inside, "findings": wrong, "wrong": 1}

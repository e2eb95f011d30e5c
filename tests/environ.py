"""The settings that the person who runs the tests may have in the environment, and tests must not see."""

import os


def own_settings() -> list[str]:
    prefixes = ("ONWARD_", "ANALYTICS_", "FUNNEL_ANALYTICS_", "DLQ_")
    return [name for name in os.environ if name in {"DATABASE_URL", "REDIS_URL"} or name.startswith(prefixes)]


def without_own_settings() -> dict[str, str]:
    """The environment for a process that a test starts."""
    hidden = own_settings()
    return {name: value for name, value in os.environ.items() if name not in hidden}

"""Dead letters for Celery: every failed task kept with its original bytes, every retry run once.

    import dlq

    dlq.install(app, database_url="postgresql://...")

covers all tasks of `app`, whichever base class they have and whenever they are defined.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery

    from dlq.settings import Settings

__all__ = ["install"]


def install(app: "Celery", *, database_url: str, settings: "Settings | None" = None) -> None:
    """Capture every failure of the workers of `app` in the PostgreSQL database at `database_url`.

    Without `settings` those of the environment count. Nothing connects until a task fails; clients that only
    publish are not touched. A second call replaces the first.
    """
    from dlq.worker.installation import install_steps  # noqa: PLC0415 - `import dlq` stays light

    install_steps(app, database_url, settings)

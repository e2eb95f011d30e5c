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


def install(
    app: "Celery", *, database_url: str, settings: "Settings | None" = None, publishing: bool = False
) -> None:
    """Capture every failure of the workers of `app` in the PostgreSQL database at `database_url`.

    Without `settings` those of the environment count. Nothing connects before a worker starts or a task
    fails. Published messages carry the time in a header. `publishing` also keeps a letter of each message
    that the broker does not take, while the error still reaches the caller, and writes each followed task to
    the ledger before it is published. A second call replaces the first.
    """
    from dlq.worker.installation import install_capture  # noqa: PLC0415 - `import dlq` stays light

    install_capture(app, database_url, settings, publishing=publishing)

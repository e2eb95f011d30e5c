"""The Celery app of our own worker and beat: `celery -A recovery.worker worker`."""

import dlq
from infra.celery_app import create_celery
from infra.errors import SettingsError
from infra.settings import Settings

settings = Settings.from_env()
if settings.database_url is None or settings.redis_url is None:
    raise SettingsError("DATABASE_URL and REDIS_URL", "must be set for a worker; `make run` sets them.")

app = create_celery(settings.redis_url, include=("recovery.periodic", "onboarding.tasks"))
app.conf.update(
    database_url=settings.database_url,
    beat_schedule={
        "sync-events": {"task": "recovery.sync_events", "schedule": 2.0},
    },
)
app.set_default()
dlq.install(app, database_url=settings.database_url)

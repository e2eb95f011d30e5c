"""The Celery app of our own worker and beat: `celery -A recovery.worker worker`."""

from celery.schedules import crontab

import dlq
from dlq.redaction import Redactor
from dlq.settings import Settings as DlqSettings
from infra.celery_app import create_celery
from infra.settings import Settings
from recovery.periodic import OPERATIONS_SECONDS
from recovery.task_logs import write_logs

_settings = Settings.from_env()
write_logs(_settings.log, Redactor(email=DlqSettings.from_env().redact_email))
_database_url, _redis_url = _settings.server_urls()

app = create_celery(
    _redis_url, prefix=_settings.broker_prefix, include=("recovery.periodic", "onboarding.tasks")
)
app.conf.update(
    database_url=_database_url,
    # A run that waited too long is dropped: the next one does its work.
    beat_schedule={
        "sync-events": {"task": "recovery.sync_events", "schedule": 2.0, "options": {"expires": 10}},
        "run-operations": {
            "task": "recovery.run_operations",
            "schedule": OPERATIONS_SECONDS,
            "options": {"expires": OPERATIONS_SECONDS},
        },
        "finish-retries": {"task": "recovery.finish_retries", "schedule": 10.0, "options": {"expires": 30}},
        "find-vanished": {"task": "recovery.find_vanished", "schedule": 10.0, "options": {"expires": 30}},
        "keep-letters-in-bounds": {
            "task": "recovery.keep_letters_in_bounds",
            "schedule": 60.0,
            "options": {"expires": 60},
        },
        # At night by UTC: it shares the lock with the syncs, which wait for it one file at a time.
        "retain-events": {"task": "recovery.retain_events", "schedule": crontab(hour=3, minute=17)},
    },
)
app.set_default()
dlq.install(app, database_url=_database_url)

"""What the parts stand on: settings, database, embedded servers, Celery, Redis, access and audit."""

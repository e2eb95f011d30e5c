"""What runs inside a worker: hooks into Celery that write a letter before a failed message goes."""

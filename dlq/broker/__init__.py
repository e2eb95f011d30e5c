"""Workers and queues as they are now: who is alive, what waits, and what can be switched."""

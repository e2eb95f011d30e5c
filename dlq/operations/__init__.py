"""The same change to many letters: previewed, stored, run in batches by a worker, paused and cancelled."""

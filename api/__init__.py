"""REST: the same results as the pages, as JSON and CSV, mounted at /api/v1."""

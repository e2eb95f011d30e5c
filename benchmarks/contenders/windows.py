"""The funnel in plain SQL, exactly: per step the latest entry that has a chain to it, by window functions.

The same text runs on DuckDB and PostgreSQL, over rows of (session, at_ms, step, language).
"""

from benchmarks.journeys import STEPS


def funnel_sql(rows: str, *, since_ms: int, until_ms: int, window_ms: int, grouped: bool) -> str:
    """Gives (value, furthest step from 1, sessions). Ties are taken in the order of the steps."""
    entered = f"CASE WHEN step = 1 AND at_ms >= {since_ms} AND at_ms < {until_ms} THEN at_ms END AS entry_1"
    parts = [f"through_1 AS (SELECT session, at_ms, step, language, {entered} FROM {rows} WHERE step > 0)"]
    parts += [_through(step, window_ms) for step in range(2, len(STEPS) + 1)]
    furthest = " ".join(
        f"WHEN max(entry_{step}) IS NOT NULL THEN {step}" for step in range(len(STEPS), 0, -1)
    )
    value = "min(language)" if grouped else "NULL"
    return f"""
        WITH {", ".join(parts)},
        sessions AS (
            SELECT session, {value} AS value, CASE {furthest} END AS furthest
            FROM through_{len(STEPS)} GROUP BY session
        )
        SELECT value, furthest, count(*) FROM sessions WHERE furthest IS NOT NULL GROUP BY value, furthest
    """


def _through(step: int, window_ms: int) -> str:
    latest = f"max(entry_{step - 1}) OVER so_far"
    in_time = f"step = {step} AND at_ms - {latest} <= {window_ms}"
    return f"""
        through_{step} AS (
            SELECT *, CASE WHEN {in_time} THEN {latest} END AS entry_{step}
            FROM through_{step - 1}
            WINDOW so_far AS (PARTITION BY session ORDER BY at_ms, step ROWS UNBOUNDED PRECEDING)
        )"""

"""The table of each view of a funnel: the rows that stand under its chart."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from analytics.views.all_kinds import KINDS
from analytics.views.kinds import Cell, ViewKind
from analytics.views.options import OPTIONS, options_of
from infra.access.roles import Permission, Person
from recovery.exports import asking
from recovery.exports.columns import DAY, MOMENT, NUMBER, TEXT, TRUTH, WHOLE
from recovery.exports.table import Pairs, Rows, Sources, Table

_TITLES: Mapping[str, str] = {
    "funnel": "Funnel by step",
    "drop-off-heatmap": "Drop-offs by stage and hour, segment and failed task",
    "cohorts": "Segments side by side",
    "comparison": "Two periods compared",
    "trend": "Conversion over time",
    "time_to_convert": "Time to convert",
    "realtime": "The last 24 hours",
    "correlation": "What goes with converting or leaving",
    "recommendations": "Recommendations",
}
#: Where clients look for these views; the others are found under their own name.
PATHS: Mapping[str, str] = {"cohorts": "cohort-comparison", "time_to_convert": "time-to-convert"}
_TYPES: Mapping[str, tuple[str, ...]] = {
    "text": (
        *(
            "breakdown",
            "value",
            "step",
            "events",
            "map",
            "row",
            "stage",
            "segment",
            "verdict",
            "part",
            "name",
        ),
        *("type", "priority", "title", "counterfactual", "factor", "goes_with"),
    ),
    "whole": (
        *("reached", "lost_here", "gone_here", "blocked_here", "open_here", "left_here", "previous_reached"),
        *("dropped", "blocked", "open", "left", "entered", "converted", "before_of", "after_of", "with_it"),
        *("converted_with_it", "without", "converted_without", "from_seconds", "to_seconds", "sessions"),
    ),
    "truth": ("too_few",),
    "day": ("day", "week"),
    "moment": ("hour",),
}
_ARROW = {"text": TEXT, "whole": WHOLE, "truth": TRUTH, "day": DAY, "moment": MOMENT}
_COLUMNS = {name: _ARROW[kind] for kind, names in _TYPES.items() for name in names}


def _read(kind: ViewKind[Any], sources: Sources, by: Person, pairs: Pairs) -> Rows:
    definition, query = asking.asked(sources, pairs)
    given = {name: value for name, value in pairs if name in OPTIONS.get(kind.name, {})}
    options = options_of(kind.name, given)
    answer = sources.funnels.view(by, kind, definition, query.question, now=sources.clock(), **options)
    header, *rows = answer.view.to_rows()
    # Columns that are not listed hold a share, a rate or seconds.
    schema = pa.schema([(str(name), _COLUMNS.get(str(name), NUMBER)) for name in header])
    columns = [_typed([row[at] for row in rows], column.type) for at, column in enumerate(schema)]
    return Rows(schema, iter([pa.RecordBatch.from_arrays(columns, schema=schema)]))


def _typed(cells: Sequence[Cell], kind: pa.DataType) -> pa.Array:
    """Days and moments are ISO 8601 in the rows of a view."""
    return pa.array(cells, TEXT).cast(kind) if pa.types.is_temporal(kind) else pa.array(cells, kind)


def _parameters(kind: str) -> Mapping[str, str]:
    options = {name: option.meaning for name, option in OPTIONS.get(kind, {}).items()}
    return {**asking.PARAMETERS, **options}


TABLES = tuple(
    Table(
        name.replace("_", "-"),
        _TITLES[name],
        f"/onboarding/analytics/{PATHS.get(name, name)}/",
        Permission.READ_FUNNELS,
        partial(_read, kind),
        _parameters(name),
    )
    for name, kind in KINDS.items()
)

"""The funnels that are offered, and those that no longer are, in their newest version."""

import json

from analytics.definition_json import to_json
from analytics.definitions import all_latest
from infra.access.roles import Permission, Person
from recovery.exports.columns import MOMENT, TEXT, TRUTH, WHOLE, Columns
from recovery.exports.table import Pairs, Rows, Sources, Table

_DEFINITIONS = Columns(
    {
        "name": (TEXT, lambda listed: listed[0].definition.name),
        "title": (TEXT, lambda listed: listed[0].definition.title),
        "archived": (TRUTH, lambda listed: listed[1]),
        "version": (WHOLE, lambda listed: listed[0].version),
        "saved_at": (MOMENT, lambda listed: listed[0].saved_at),
        "saved_by": (TEXT, lambda listed: listed[0].saved_by),
        "order": (TEXT, lambda listed: listed[0].definition.order),
        "window_seconds": (WHOLE, lambda listed: listed[0].definition.window_seconds),
        "steps": (TEXT, lambda listed: ", ".join(step.label for step in listed[0].definition.steps)),
        # All of it, as the editor and `python -m analytics define` read it.
        "definition": (TEXT, lambda listed: json.dumps(to_json(listed[0].definition), ensure_ascii=False)),
    }
)


def _definitions(sources: Sources, _by: Person, _pairs: Pairs) -> Rows:
    listed = [
        (saved, archived)
        for archived in (False, True)
        for saved in all_latest(sources.engine, archived=archived)
    ]
    return _DEFINITIONS.whole(listed)


TABLES = (
    Table(
        "definitions",
        "Funnel definitions",
        "/onboarding/definitions/",
        Permission.MANAGE_SETTINGS,
        _definitions,
    ),
)

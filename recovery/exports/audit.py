"""The audit, newest entry first."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.access.roles import Permission, Person
from infra.audit.entries import MAX_PAGE, Entry, EntryFilter, entries
from recovery.exports.columns import MOMENT, TEXT, WHOLE, Columns
from recovery.exports.errors import BadParameter
from recovery.exports.table import Pairs, Rows, Sources, Table

PARAMETERS = {
    "actor": "who did it",
    "action": "what was done, as letter.retry",
    "subject": "what it was done to, as letter:17; letter alone is every letter",
    "since": "first moment, as 2026-03-01T00:00:00Z",
    "until": "moment after the last",
}


def _written(values: Mapping[str, Any] | None) -> str | None:
    return None if values is None else json.dumps(values, ensure_ascii=False)


_ENTRIES = Columns(
    {
        **dict.fromkeys(("id", "number"), WHOLE),
        "at": MOMENT,
        **dict.fromkeys(("actor", "action", "subject"), TEXT),
        "before": (TEXT, lambda entry: _written(entry.before)),
        "after": (TEXT, lambda entry: _written(entry.after)),
        "source": TEXT,
    }
)


def _audit(sources: Sources, by: Person, pairs: Pairs) -> Rows:
    given = dict(pairs)
    narrowed = EntryFilter(
        actor=given.get("actor", ""),
        action=given.get("action", ""),
        subject=given.get("subject", ""),
        since=_moment(given, "since"),
        until=_moment(given, "until"),
    )

    def page(after: int | None) -> tuple[Sequence[Entry], int | None]:
        found = entries(sources.engine, by, narrowed, after, MAX_PAGE)
        return found.entries, found.next

    return _ENTRIES.paged(page)


def _moment(given: Mapping[str, str], name: str) -> datetime | None:
    if not given.get(name):
        return None
    try:
        moment = datetime.fromisoformat(given[name])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadParameter(name, given[name], ("a moment with its zone, as 2026-03-01T00:00:00Z",))
    return moment


TABLES = (Table("audit", "Audit", "/admin/audit/", Permission.READ_AUDIT, _audit, PARAMETERS),)

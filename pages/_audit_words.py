"""How an entry of the audit reads: its action, the way to its subject, and what became different."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from infra.audit.entries import Entry, EntryFilter

#: A value that is longer is cut here; the files have all of it.
LONGEST_VALUE = 200
MAX_LINES = 12
#: Kinds of subject that have a page: kind -> path and parameter.
_PLACES: Mapping[str, tuple[str, str]] = {
    "letter": ("/dead-letters", "letter"),
    "group": ("/dead-letters", "group"),
    "operation": ("/operations", "operation"),
    "person": ("/people", "person"),
    "funnel": ("/funnel", "funnel"),
}
_NOTHING: Mapping[str, Any] = {}


def action(written: str) -> str:
    """letter.mark_fixed as "Letter: mark fixed"."""
    noun, _, verb = written.partition(".")
    return f"{noun.replace('_', ' ').capitalize()}: {verb.replace('_', ' ')}" if verb else written


def subject(written: str) -> str:
    """HTML of a subject, as a link where it has a page."""
    kind, _, name = written.partition(":")
    if kind not in _PLACES or not name:
        return escape(written)
    path, parameter = _PLACES[kind]
    return (
        f'<a class="reclink" href="{escape(f"{path}?{urlencode({parameter: name})}")}">{escape(written)}</a>'
    )


def difference(entry: Entry) -> str:
    """HTML of what was different afterwards: a line for each value, the old one struck through."""
    before, after = entry.before or _NOTHING, entry.after or _NOTHING
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    lines = [_line(name, before, after) for name in names[:MAX_LINES]]
    if len(names) > MAX_LINES:
        lines.append(f"<div>and {len(names) - MAX_LINES} more, in the files</div>")
    return f'<div class="difference">{"".join(lines)}</div>' if lines else ""


def _line(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    old = f"<del>{escape(_value(before[name]))}</del> " if name in before else ""
    new = f"<ins>{escape(_value(after[name]))}</ins>" if name in after else ""
    return f"<div><i>{escape(name.replace('_', ' '))}</i> {old}{new}</div>"


def _value(value: object) -> str:
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, list):
        value = ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value)
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return written if len(written) <= LONGEST_VALUE else f"{written[:LONGEST_VALUE]}…"


def to_pairs(narrowed: EntryFilter) -> list[tuple[str, str]]:
    """The filter as parameters of the files."""
    moments = {"since": narrowed.since, "until": narrowed.until}
    texts = {"actor": narrowed.actor, "action": narrowed.action, "subject": narrowed.subject}
    return [
        *((name, text) for name, text in texts.items() if text),
        *((name, moment.isoformat()) for name, moment in moments.items() if moment),
    ]


def how_to_verify() -> None:
    st.html(
        '<div class="sub">Each entry is linked to the one before by a digest. '
        "<code>python -m infra audit verify</code> checks all of them and names the first that was changed, "
        "removed, moved or put in.</div>"
    )

"""What an operation would do: how many letters, which, for whom, and what speaks against it."""

from collections.abc import Mapping
from html import escape

import streamlit as st

from dlq.operations.preview import BulkPreview
from pages import _charts, _states
from pages._letter_row import line
from pages._operation_words import letters
from pages._words import count

_MOST_NAMED = 5
#: So many letters are named at once.
_FEW = 3


def show(shown: BulkPreview) -> None:
    st.html(
        f'<div class="lettertitle">{escape(letters(shown.count))}</div>'
        f'<div class="sub">{escape(shown.sends)}</div>'
    )
    pairs = [
        ("Sessions behind them", count(shown.sessions)),
        ("Tasks", _ranked(shown.by_task)),
        ("Queues", _ranked(shown.by_queue)),
    ]
    if shown.count:
        _charts.facts(pairs)
    _states.warnings(shown.warnings)
    if shown.sample:
        named = "All of them" if len(shown.sample) == shown.count else f"The newest {len(shown.sample)}"
        with st.expander(named, icon=":material/list:", expanded=shown.count <= _FEW):
            st.html(f'<ul class="sessionletters">{"".join(map(line, shown.sample))}</ul>')


def _ranked(counted: Mapping[str, int]) -> str:
    """The most frequent, each with its number; one alone needs none."""
    if len(counted) == 1:
        return next(iter(counted))
    named = [f"{name} {count(number)}" for name, number in list(counted.items())[:_MOST_NAMED]]
    rest = len(counted) - len(named)
    return ", ".join(named) + (f" and {count(rest)} more" if rest else "")

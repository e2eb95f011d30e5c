"""What stands under a chart: how its numbers are counted, the numbers as a table, and the same as files."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from analytics.views.kinds import View

_POINTS = "%+.2f pp"


def expander(view: View, *, key: str, files: str, meaning: str, columns: Mapping[str, Any]) -> None:
    """All three behind one click, for a card; `files` is HTML of the links."""
    with st.expander("The numbers, and how they are counted", key=f"{key}_numbers"):
        table(view, key=key, meaning=meaning, columns=columns)
        st.html(files)


def table(view: View, *, key: str, meaning: str, columns: Mapping[str, Any]) -> None:
    """`meaning` says how the numbers come about; `columns` names those that are shown, in their order."""
    header, *rows = view.to_rows()
    shown = [name for name in columns if name in header]
    numbers = pd.DataFrame(rows, columns=[str(name) for name in header])[shown]
    for name in shown:
        if _is_of_points(columns[name]):
            numbers[name] = pd.to_numeric(numbers[name]) * 100
    st.dataframe(
        numbers,
        hide_index=True,
        placeholder="–",
        key=f"{key}_table",
        alt=meaning,
        column_config={name: columns[name] for name in shown},
    )
    st.caption(meaning)


def percent_column(label: str) -> Any:
    return st.column_config.NumberColumn(label, format="percent")


def points_column(label: str) -> Any:
    """Of differences between shares: a change of 0.01 is one percentage point, and not one per cent."""
    return st.column_config.NumberColumn(label, format=_POINTS)


def _is_of_points(column: Any) -> bool:
    return not isinstance(column, str) and column["type_config"].get("format") == _POINTS


def p_value_column(label: str) -> Any:
    return st.column_config.NumberColumn(label, format="%.2g")


def count_column(label: str) -> Any:
    return st.column_config.NumberColumn(label, format="localized")

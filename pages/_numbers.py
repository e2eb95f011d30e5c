"""What stands under a chart: how its numbers are counted, the numbers as a table, and the same as files."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from analytics.views.kinds import View


def expander(view: View, *, key: str, files: str, meaning: str, columns: Mapping[str, Any]) -> None:
    """All three behind one click, for a card; `files` is HTML of the links."""
    with st.expander("The numbers, and how they are counted", key=f"{key}_numbers"):
        table(view, key=key, meaning=meaning, columns=columns)
        st.html(files)


def table(view: View, *, key: str, meaning: str, columns: Mapping[str, Any]) -> None:
    """`meaning` says how the numbers come about; `columns` names those that are shown, in their order."""
    header, *rows = view.to_rows()
    shown = [name for name in columns if name in header]
    st.dataframe(
        pd.DataFrame(rows, columns=[str(name) for name in header])[shown],
        hide_index=True,
        placeholder="–",
        key=f"{key}_table",
        alt=meaning,
        column_config={name: columns[name] for name in shown},
    )
    st.caption(meaning)


def percent_column(label: str) -> Any:
    return st.column_config.NumberColumn(label, format="percent")


def count_column(label: str) -> Any:
    return st.column_config.NumberColumn(label, format="localized")

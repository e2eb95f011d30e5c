"""Whose hours and days a page counts in, bound to the address. The viewer's own zone is not known here."""

from functools import cache
from zoneinfo import available_timezones

import streamlit as st

UTC = "UTC"


def choose() -> str:
    zones = _zones()
    return st.selectbox(
        "Time zone",
        zones,
        index=zones.index(UTC),
        key="zone",
        bind="query-params",
        help="Days and hours are those of this zone, with its daylight saving time.",
    )


@cache
def _zones() -> list[str]:
    """Places and UTC, without the aliases that old systems keep."""
    return [UTC, *sorted(name for name in available_timezones() if "/" in name and name[:3] != "Etc")]

"""Places under the editor's controls, where the first thing that is wrong is said beside what it is about."""

from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.drafts import Problem


class Fields:
    def __init__(self) -> None:
        self._places: dict[str, DeltaGenerator] = {}

    def place(self, field: str) -> None:
        """Here a problem of this field, as InvalidFunnel names it, is said."""
        self._places[field] = st.empty()

    def say(self, problem: Problem) -> None:
        """At the narrowest place that it belongs to."""
        owners = [field for field in self._places if problem.is_of(field)]
        if owners:
            text = f'<div class="dfn-problem" role="alert">{escape(_sentence(problem.text))}</div>'
            self._places[max(owners, key=len)].html(text)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."

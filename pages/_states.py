"""What stands in a page's place when there is nothing to show: empty, failed, refused; with the next step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape

import streamlit as st
from sqlalchemy.exc import OperationalError

from analytics.errors import AnalyticsError
from dlq.errors import DlqError
from infra.errors import DatabaseUnavailable, InfraError


def card_head(title: str, subtitle: str) -> None:
    st.html(f'<div class="cardhead"><b>{escape(title)}</b><span>{escape(subtitle)}</span></div>')


def note(sentence: str) -> None:
    """A finding; what stands before its colon is the part to read first."""
    lead, colon, _ = sentence.partition(": ")
    lead += colon.rstrip()
    st.html(f'<div class="sub note"><b>{escape(lead)}</b>{escape(sentence[len(lead) :])}</div>')


def warnings(sentences: Sequence[str]) -> None:
    """What speaks against the next step, in one box."""
    if sentences:
        lines = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
        st.html(f'<ul class="warned" role="note">{lines}</ul>')


def state(title: str, text: str) -> None:
    st.html(f'<div class="state" role="status"><b>{escape(title)}</b>{escape(text)}</div>')


#: PostgreSQL is away, seen at the pool or in the middle of a query.
AWAY = (DatabaseUnavailable, OperationalError)
ASKED_AGAIN = "PostgreSQL does not answer. It is asked again by itself."
#: What a press may meet instead of being done; `refusal` says it.
REFUSED = (DlqError, InfraError, *AWAY)


def refusal(error: Exception) -> str:
    """One of REFUSED as a sentence for the person who pressed."""
    if isinstance(error, AWAY):
        return "PostgreSQL does not answer, so nothing was changed. Try again shortly."
    return str(error)


@contextmanager
def failures_shown(what: str) -> Iterator[None]:
    """Turn an expected failure inside the block into a card with "Try again"; the filters stay."""
    try:
        yield
    except AWAY:
        _failed(what, "PostgreSQL does not answer. Your filters are kept.")
    except (AnalyticsError, DlqError, InfraError) as error:
        _failed(what, str(error))


def _failed(what: str, reason: str) -> None:
    with st.container(border=True, key="card_failed"):
        state(f"{what} could not be shown", reason)
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button("Try again", icon=":material/refresh:", type="primary", key=f"try_again_{what}")
        st.space("medium")
    st.stop()

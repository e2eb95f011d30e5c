"""The runs of a letter that failed, the latest first and open, each with its own traceback."""

import streamlit as st

from dlq.views import Attempt, LetterDetail
from pages._words import clock_time, count

#: Failed runs shown with their traceback: the latest, and the first when there are more.
MOST = 8


def show(detail: LetterDetail) -> None:
    runs = detail.attempts[::-1]
    if not runs:
        st.caption("No failed run is kept of this letter.")
    for nth, run in enumerate(_shown(runs)):
        with st.expander(
            _title(run), expanded=nth == 0, key=f"run_{detail.letter.id}_{run.task_id}_{run.generation}"
        ):
            if run.message != detail.message:
                st.text(run.message)
            st.code(
                run.traceback or "No traceback: the process did not live to write one.", language="python"
            )
            st.caption(f"Task id {run.task_id}, worker {run.worker or 'unknown'}")
    if len(runs) > MOST:
        st.caption(f"{count(len(runs) - MOST)} runs between the first and the latest are not shown.")


def _shown(runs: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    return runs if len(runs) <= MOST else (*runs[: MOST - 1], runs[-1])


def _title(run: Attempt) -> str:
    which = f"Retry {run.generation}" if run.generation else "First run"
    release = f", release {run.release}" if run.release else ""
    return f"{which}: {run.exception_type or run.kind}, {clock_time(run.occurred_at)}{release}"

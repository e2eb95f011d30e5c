"""One letter in a list, as text: what broke, in which task, for whom, and when."""

from html import escape

import streamlit as st

from dlq.views import LetterSummary

_LONGEST_MESSAGE = 160


def text(letter: LetterSummary, when: str) -> None:
    message = letter.message[:_LONGEST_MESSAGE]
    parts = [
        letter.task_name,
        f"session {letter.session_id}" if letter.session_id else "",
        attempts(letter),
        when,
    ]
    st.html(
        f'<div class="letter"><b>{escape(letter.exception_type or letter.kind)}</b> '
        f"<span>{escape(message)}</span>"
        f"<small>{escape(' · '.join(part for part in parts if part))}</small></div>"
    )


def line(letter: LetterSummary) -> str:
    """HTML of a letter as an item of a list, without its time."""
    parts = [letter.task_name, f"session {letter.session_id}" if letter.session_id else "", attempts(letter)]
    return (
        f"<li>{escape(letter.exception_type or letter.kind)} {escape(letter.message[:_LONGEST_MESSAGE])}"
        f"<small>{escape(' · '.join(part for part in parts if part))}</small></li>"
    )


def attempts(letter: LetterSummary) -> str:
    """How often it failed, in words."""
    return "failed once" if letter.attempts == 1 else f"failed {letter.attempts} times"

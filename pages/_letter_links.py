"""The ways from a letter: to its group, its operation, its session, all that wait like it, and its audit."""

from html import escape
from urllib.parse import urlencode

import streamlit as st

from analytics.question import Question
from analytics.session_query import SessionQuery
from analytics.sessions import Selection
from dlq.views import LetterSummary, pattern_of
from infra.access.roles import Permission, Person
from pages import _resources, _sessions


def show(letter: LetterSummary, by: Person) -> None:
    links = [("Its group", f"/dead-letters?{urlencode({'group': letter.fingerprint})}")]
    if letter.operation_id:
        links.append(("Its operation", f"/operations?{urlencode({'operation': letter.operation_id})}"))
    definitions = _resources.definitions()
    if letter.session_id and definitions and by.may(Permission.READ_SESSIONS):
        waiting = Selection(outcome="blocked", pattern=pattern_of(letter.exception_type, letter.task_name))
        query = SessionQuery.of(definitions[0], Question(), waiting)
        of_all = f"{_sessions.PATH}?{urlencode(query.to_pairs())}"
        links.append(("Its session", f"{of_all}&{urlencode({'session': letter.session_id})}"))
        links.append(("Sessions that wait like it", of_all))
    if by.may(Permission.READ_AUDIT):
        links.append(("Its audit", f"/audit?{urlencode({'subject': f'letter:{letter.id}'})}"))
    anchors = (f'<a class="reclink" href="{escape(address)}">{escape(said)}</a>' for said, address in links)
    st.html(f'<div class="letterlinks">{"".join(anchors)}</div>')

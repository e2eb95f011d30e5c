"""What to do next, by what it would bring: each with its evidence, and nothing that is not supported."""

from dataclasses import replace

import streamlit as st

from analytics.advice.records import PRIORITIES
from analytics.views.recommendations import RECOMMENDATIONS
from infra.access.roles import Permission
from pages import (
    _access,
    _downloads,
    _footer,
    _numbers,
    _page_head,
    _recommendation_cards,
    _resources,
    _states,
)
from pages._words import ago, count, days, duration

ANY = "All"
MEANING = (
    "Compared are sessions that were watched equally long after their entry: every segment with all others "
    "together, this period with the one before, parts of the week, slow steps with quick ones. What remains "
    "differs by more than chance (Benjamini-Hochberg over all comparisons, 30 sessions on both sides, 95% "
    "interval of the impact above zero). The priority is the impact's share of the sessions that enter in a "
    "week: critical from 5%, high from 2%, medium from 0.5%. Two recommendations may be about the same "
    "sessions, so do not add them up."
)
COLUMNS = {
    "type": "Type",
    "priority": "Priority",
    "title": "What",
    "sessions_per_week": st.column_config.NumberColumn("Sessions a week", format="%.1f"),
    "low": st.column_config.NumberColumn("95% from", format="%.1f"),
    "high": st.column_config.NumberColumn("to", format="%.1f"),
    "counterfactual": "If",
}

with _states.failures_shown("The recommendations"):
    person = _access.enter(Permission.READ_FUNNELS)
head = _page_head.head("Recommendations")


def priority() -> str | None:
    chosen = st.segmented_control(
        "Priority",
        [ANY, *(name.capitalize() for name in PRIORITIES)],
        default=ANY,
        key="priority",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    return None if chosen == ANY else chosen.lower()


with _states.failures_shown("The recommendations"):
    asked, _ = _page_head.asked(person, head, breakdown=False)
    wanted = priority()
    with st.skeleton(height=430):
        answer = _resources.funnels().view(
            person,
            RECOMMENDATIONS,
            asked.definition,
            asked.question,
            now=_resources.now(),
            priority=wanted,
        )
        worded = _resources.wording().reworded(answer.view.recommendations)
view = replace(answer.view, recommendations=worded)

updated = f" · updated {ago(answer.synced_at, _resources.now())}" if answer.synced_at else ""
period = days(view.period.first, view.period.last)
head.subtitle.html(f'<div class="sub">{period} · {count(view.entered)} sessions entered{updated}</div>')
head.export.html(_downloads.of_view("recommendations", asked.definition, asked.question, priority=wanted))

if not view.recommendations:
    with st.container(border=True, key="card_nothing"):
        title = f"Nothing of {wanted} priority" if view.left_out else "Nothing is supported by these days"
        _states.state(title, view.summary)
        st.space("medium")
reader = _recommendation_cards.Reader(person, asked.definition, asked.question)
for at, one in enumerate(view.recommendations):
    with st.container(border=True, key=f"card_rec_{at}"):
        _recommendation_cards.card(one, reader)
if view.recommendations:
    left_out = f" {count(view.left_out)} more are not shown here." if view.left_out else ""
    st.caption(view.summary[:1].upper() + view.summary[1:] + left_out)
with st.expander("The numbers, and how they are found", key="how"):
    _numbers.table(view, key="recommendations", meaning=MEANING, columns=COLUMNS)
    if view.follow_up_seconds:
        st.caption(f"Followed for {duration(view.follow_up_seconds)} after their entry.")
_footer.footer(answer)

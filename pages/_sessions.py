"""The way from a number to its sessions: links to the Sessions page, for those whose role may see them.

A page makes one `Links` for what it shows, `links = links_for(person, asked.definition, asked.question)`, and
asks it for the address of each number: `links.to(stopped=1, outcome="gone")`. For a viewer every answer is
None, and the number stands there without a link. In a chart of HTML the address is an ordinary `<a href>`,
which opens in the same tab; `linked` writes one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode

from analytics.funnels import FunnelDefinition
from analytics.question import Question
from analytics.session_query import SessionQuery
from analytics.sessions import Selection
from infra.access.roles import Permission, Person

PATH = "/sessions"


def sessions_link(definition: FunnelDefinition, question: Question, selection: Selection) -> str:
    """Path and query of the page that lists exactly these sessions."""
    return f"{PATH}?{urlencode(SessionQuery.of(definition, question, selection).to_pairs())}"


#: Gives the address of the sessions that the fields of Selection select; `Links.to`, or `nowhere`.
Way = Callable[..., str | None]


def nowhere(**_selection: Any) -> None:
    """The way in of a page that has none."""


@dataclass(frozen=True, slots=True)
class Links:
    definition: FunnelDefinition
    question: Question
    may_open: bool

    def to(self, **selection: Any) -> str | None:
        """The address of the sessions so selected; the keywords are the fields of Selection."""
        return self.to_selection(Selection(**selection))

    def to_selection(self, selection: Selection) -> str | None:
        return sessions_link(self.definition, self.question, selection) if self.may_open else None


def links_for(person: Person, definition: FunnelDefinition, question: Question) -> Links:
    """For what a page shows. Take definition and question from what was asked, so that the numbers agree."""
    return Links(definition, question, person.may(Permission.READ_SESSIONS))


def linked(text: str, address: str | None) -> str:
    """HTML of `text`, which is HTML already, as a link where there is an address."""
    return f'<a class="sessions" href="{escape(address)}">{text}</a>' if address else text

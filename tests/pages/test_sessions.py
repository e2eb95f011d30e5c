"""The sessions behind a number, and one session with its events, as people of each role see them."""

from urllib.parse import parse_qs, urlsplit

import pytest

from analytics.question import Question
from infra.access.roles import Person, Role
from pages._sessions import links_for
from tests.pages.conftest import SIGN_UP

pytestmark = pytest.mark.servers

PAGE = "sessions.py"
ADA = Person("ada", Role.ANALYST)


@pytest.fixture
def three_sessions(world):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited", "looked around", "signed up", device="desktop")
    world.session("c", "visited")
    world.sync()
    return world


def query(question=None, **selection):
    address = links_for(ADA, SIGN_UP, question or Question()).to(**selection)
    return {name: values[-1] for name, values in parse_qs(urlsplit(address).query, True).items()}


def opened(world, role=Role.ANALYST, question=None, more=None, **selection):
    return world.open(role, PAGE, **query(question, **selection), **(more or {}))


def test_a_number_opens_the_sessions_that_it_counts(three_sessions, shown):
    app = opened(three_sessions, reached=1)
    assert app.title[0].value == "2 sessions"
    text = shown(app)
    assert "reached Signed up" in text
    assert "<b>a</b> <span>Paid</span>" in text
    assert "<b>b</b> <span>Signed up</span>" in text
    assert "<b>c</b>" not in text


def test_a_missing_value_is_one_to_select(three_sessions, shown):
    three_sessions.session("no device", "visited", device="")
    three_sessions.sync()
    app = opened(three_sessions, question=Question(breakdown=("device",)), value="")
    assert app.title[0].value == "1 session"
    assert "<b>no device</b>" in shown(app)
    assert "Device: (missing)" in shown(app)


def test_pages_lead_on_and_back(world, shown):
    world.funnel()
    for number in range(30):
        world.session(f"s{number:02}", "visited")
    world.sync()
    app = opened(world, stopped=0)
    assert "<b>s24</b>" in shown(app)
    assert "<b>s25</b>" not in shown(app)
    app.button(key="newer").click().run()
    assert app.title[0].value == "30 sessions"
    assert "<b>s24</b>" not in shown(app)
    assert "<b>s29</b>" in shown(app)
    app.button(key="older").click().run()
    assert "<b>s00</b>" in shown(app)


def test_a_session_opens_its_events_with_the_steps_that_count(three_sessions, shown):
    app = opened(three_sessions, stopped=1)
    app.button(key="open_0").click().run()
    text = shown(app)
    assert 'class="counts">visited<span class="step">Visited</span>' in text
    assert 'class="other">looked around<small>' in text
    assert "device desktop" in text


def test_the_dead_letters_of_a_session_are_linked_for_those_who_may_read_them(three_sessions, shown):
    number = three_sessions.letter(session_id="b")
    link = f"/dead-letters?status=All&amp;letter={number}"
    assert link in shown(opened(three_sessions, Role.OPERATOR, more={"session": "b"}))
    assert link not in shown(opened(three_sessions, Role.ANALYST, more={"session": "b"}))


def test_a_session_that_nobody_knows_is_said_to_be_unknown(three_sessions, shown):
    assert "no event of a session &#x27;zz&#x27;" in shown(opened(three_sessions, more={"session": "zz"}))


def test_a_viewer_gets_no_link_and_is_refused_when_opening_one(three_sessions, shown):
    assert links_for(Person("eve", Role.VIEWER), SIGN_UP, Question()).to(stopped=0) is None
    text = shown(opened(three_sessions, Role.VIEWER, more={"session": "a"}, stopped=0))
    assert "Your role does not show this page" in text
    assert "<b>c</b>" not in text


def test_a_selection_of_nobody_says_so(three_sessions, shown):
    assert "Nobody here" in shown(opened(three_sessions, outcome="open"))


def test_without_a_number_the_page_says_where_to_find_one(three_sessions, shown):
    assert "No number is chosen" in shown(three_sessions.open(Role.ANALYST, PAGE))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("stopped", "7", "stopped: 7 is no step"),
        ("outcome", "gon", "outcome: &#x27;gon&#x27; is not known"),
        ("since", "yesterday", "since: &#x27;yesterday&#x27; is not a moment"),
        ("after", "x", "after: &#x27;x&#x27; is not the end of a page"),
        ("session_where", "device", "session_where: is not JSON"),
        ("name", "nothing", "no funnel is called &#x27;nothing&#x27;"),
    ],
)
def test_a_link_that_cannot_be_asked_says_what_is_wrong(three_sessions, shown, name, value, said):
    app = three_sessions.open(Role.ANALYST, PAGE, **{**query(stopped=0), name: value})
    assert said in shown(app)


def test_a_lost_store_is_said_with_the_way_to_mend_it(three_sessions, shown):
    three_sessions.lose_the_store()
    text = shown(opened(three_sessions, stopped=0))
    assert "The sessions could not be shown" in text
    assert "python -m analytics sync --rebuild" in text


def test_the_csv_holds_the_same_selection(three_sessions, shown):
    assert "sessions/export.csv?name=sign-up&amp;window_seconds=1209600&amp;stopped=1" in shown(
        opened(three_sessions, stopped=1)
    )


def test_ids_are_text_and_not_markup(three_sessions, shown):
    three_sessions.session("<img src=x>", "visited")
    three_sessions.sync()
    text = shown(opened(three_sessions, stopped=0, more={"session": "<img src=x>"}))
    assert "&lt;img src=x&gt;" in text
    assert "<img src=x" not in text

"""The page Audit: what was done, how it was before, narrowed by its address, for admins alone."""

import pytest

from infra import audit
from infra.access.roles import Role

pytestmark = pytest.mark.servers
PAGE = "audit.py"


@pytest.fixture
def done(world):
    """Record something as if a person had done it."""

    def record(action="letter.retry", subject="letter:17", actor="olga", **fields):
        with world.engine.begin() as connection:
            audit.record(connection, actor=actor, action=action, subject=subject, **fields)

    return record


def test_an_entry_says_who_did_what_from_where_and_how_it_was_before(world, shown, done):
    done(before={"status": "dead", "limit": 3}, after={"status": "retrying", "limit": 3}, source="10.1.2.3")
    said = shown(world.open(Role.ADMIN, PAGE, subject="letter:17"))
    assert "<b>Letter: retry</b>" in said
    assert 'href="/dead-letters?letter=17"' in said
    assert "olga · " in said
    assert "from 10.1.2.3 · link " in said
    assert "<i>status</i> <del>dead</del> <ins>retrying</ins>" in said
    assert "limit" not in said, "what stayed the same is no difference"


def test_what_strangers_wrote_is_text(world, shown, done):
    done(subject="letter:<b>1", actor="<img src=x>", after={"<i>": "<script>alert(1)</script>"})
    said = shown(world.open(Role.ADMIN, PAGE))
    assert "<script" not in said
    assert "<img" not in said
    assert "&lt;script&gt;" in said


def test_the_address_narrows_by_each_filter(world, shown, done):
    done(subject="letter:1", actor="olga")
    done(subject="letter:2", actor="ben")
    done(action="group.mute", subject="group:3", actor="olga")
    for address, found in [
        ({"who": "olga"}, {"letter:1", "group:3"}),
        ({"action": "letter.retry"}, {"letter:1", "letter:2"}),
        ({"subject": "letter"}, {"letter:1", "letter:2"}),
        ({"subject": "group:3"}, {"group:3"}),
        ({"days": "2020-01-01"}, set()),
    ]:
        said = shown(world.open(Role.ADMIN, PAGE, **address))
        assert {each for each in ("letter:1", "letter:2", "group:3") if f">{each}<" in said} == found, address


def test_a_long_list_goes_on_where_the_page_before_ended(world, shown, done):
    for number in range(30):
        done(subject=f"letter:{number}")
    app = world.open(Role.ADMIN, PAGE, subject="letter")
    first = shown(app)
    assert ">letter:29<" in first
    assert ">letter:4<" not in first
    app.button(key="audit_after_more").click().run()
    assert ">letter:4<" in shown(app)
    assert ">letter:29<" not in shown(app)


def test_nothing_that_matches_is_said(world, shown):
    assert "No entry matches." in shown(world.open(Role.ADMIN, PAGE, subject="letter:99"))


def test_the_files_have_the_filters_of_the_page(world, shown):
    said = shown(world.open(Role.ADMIN, PAGE, subject="letter:17"))
    assert "/api/v1/admin/audit/export.csv?subject=letter%3A17" in said


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER])
def test_who_is_no_admin_does_not_have_the_page(world, role):
    with pytest.raises(ValueError, match=r"audit\.py"):
        world.open(role, PAGE)


def test_what_is_done_on_a_page_is_recorded_with_its_address(world, shown):
    app = world.open(Role.ADMIN)
    app.button(key="sign_out").click().run()
    said = shown(world.open(Role.ADMIN, PAGE, action="session.close"))
    assert "from 127.0.0.1" in said

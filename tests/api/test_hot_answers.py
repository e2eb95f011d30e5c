"""An answer given a moment ago is given again; after that it is made anew."""

from starlette.requests import Request

from api.hot_answers import KEPT_SECONDS, MOST_ANSWERS, HotAnswers
from tests.loops import finished


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def asked(tag: str = "") -> Request:
    return Request({"type": "http", "headers": [(b"if-none-match", tag.encode())]})


def given(hot: HotAnswers, key: object, text: str, tag: str = ""):
    async def make() -> str:
        return text

    return finished(hot.answer(asked(tag), key, make))


def test_an_answer_is_kept_for_a_moment_and_no_longer():
    clock = Clock()
    hot = HotAnswers(clock)
    assert given(hot, "a", "1").body == b"1"
    clock.now = KEPT_SECONDS - 0.001
    assert given(hot, "a", "2").body == b"1"
    assert given(hot, "b", "3").body == b"3"
    clock.now = KEPT_SECONDS
    assert given(hot, "a", "4").body == b"4"


def test_the_tag_is_of_the_content():
    hot = HotAnswers(Clock())
    tag = given(hot, "a", "1").headers["etag"]
    assert given(hot, "b", "1", f'"other", W/{tag}').status_code == 304
    assert given(hot, "c", "2", tag).status_code == 200


def test_what_was_asked_longest_ago_goes_first():
    hot = HotAnswers(Clock())
    for number in range(MOST_ANSWERS + 1):
        given(hot, number, "old")
    assert given(hot, 0, "new").body == b"new"
    assert given(hot, MOST_ANSWERS, "new").body == b"old"

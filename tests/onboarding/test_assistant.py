import json

import pytest

from onboarding.assistant import MOST_RECOMMENDATIONS, ScriptedAssistant, parse
from onboarding.errors import AssistantTimeout, UnusableAnswer


def answer(*titles):
    return json.dumps({"recommendations": [{"title": title} for title in titles]})


def test_the_scripted_assistant_gives_usable_recommendations():
    recommendations = parse("model", ScriptedAssistant().recommend("s1", "team", "hello"))
    assert recommendations[0] == {"title": "Invite three colleagues", "detail": "hello"}


def test_the_scripted_assistant_times_out_for_the_sessions_it_is_told_to():
    assistant = ScriptedAssistant(times_out=lambda session_id: session_id == "slow")
    assistant.recommend("fast", "team", "hello")
    with pytest.raises(AssistantTimeout, match="scripted-assistant did not answer within 20 s"):
        assistant.recommend("slow", "team", "hello")


def test_more_recommendations_than_anybody_reads_are_cut():
    assert len(parse("model", answer(*map(str, range(50))))) == MOST_RECOMMENDATIONS


UNUSABLE = (
    "",
    "Sure! Here you go:",
    "[]",
    "{}",
    '{"recommendations": null}',
    '{"recommendations": [{"name": "x"}]}',
    '{"recommendations": ["x"]}',
    '{"recommendations": []}',
)


@pytest.mark.parametrize("text", UNUSABLE)
def test_an_answer_without_recommendations_is_refused_with_the_model_named(text):
    with pytest.raises(UnusableAnswer, match="gpt answered without usable recommendations"):
        parse("gpt", text)

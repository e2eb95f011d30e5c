"""The language model that the flow talks to: an OpenAI-compatible endpoint, or a script in its place.

Both answer with JSON, {"recommendations": [{"title": ..., "detail": ...}, ...]}, which `parse` checks: the
answer of a model is input from outside like any other.
"""

import json
from collections.abc import Callable
from typing import Protocol

from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAI

from onboarding.errors import AssistantTimeout, AssistantUnavailable, UnusableAnswer
from onboarding.settings import Settings

TIMEOUT_SECONDS = 20.0
MOST_RECOMMENDATIONS = 10
SCRIPTED_MODEL = "scripted-assistant"

_PROMPT = (
    "You help a person set up a product. Answer with JSON only: "
    '{"recommendations": [{"title": "...", "detail": "..."}]}, one to five of them.'
)
_SCRIPT = {
    "personal": ("Import your calendar", "Pick a daily reminder", "Connect your phone"),
    "team": ("Invite three colleagues", "Choose a shared workspace", "Set working hours"),
    "migration": ("Upload the export file", "Match the columns", "Run both systems for a week"),
}


class Assistant(Protocol):
    model: str

    def recommend(self, session_id: str, kind: str, message: str) -> str:
        """The model's answer as text. Raises AssistantTimeout or AssistantUnavailable."""
        ...


class OpenAIAssistant:
    def __init__(self, settings: Settings) -> None:
        self.model = settings.llm_model
        # The task has its own retries, which people can see; hidden ones would multiply them.
        self._client = OpenAI(
            base_url=settings.llm_url, api_key=settings.llm_key, timeout=TIMEOUT_SECONDS, max_retries=0
        )

    def recommend(self, session_id: str, kind: str, message: str) -> str:
        try:
            answer = self._client.chat.completions.create(
                model=self.model,
                messages=[
                    {"role": "system", "content": _PROMPT},
                    {"role": "user", "content": f"Setting up: {kind}. {message}"},
                ],
                response_format={"type": "json_object"},
                user=session_id,
            )
        except APITimeoutError as error:
            raise AssistantTimeout(self.model, TIMEOUT_SECONDS) from error
        except APIStatusError as error:
            raise AssistantUnavailable(self.model, str(error), error.status_code) from error
        except APIConnectionError as error:
            raise AssistantUnavailable(self.model, str(error)) from error
        return answer.choices[0].message.content or ""


class ScriptedAssistant:
    """Answers from a script. Times out for the sessions that `times_out` names, without waiting for real."""

    model = SCRIPTED_MODEL

    def __init__(self, times_out: Callable[[str], bool] = lambda _session_id: False) -> None:
        self._times_out = times_out

    def recommend(self, session_id: str, kind: str, message: str) -> str:
        if self._times_out(session_id):
            raise AssistantTimeout(self.model, TIMEOUT_SECONDS)
        titles = _SCRIPT.get(kind, _SCRIPT["personal"])
        return json.dumps(
            {"recommendations": [{"title": title, "detail": message[:200]} for title in titles]}
        )


def parse(model: str, answer: str) -> list[dict[str, str]]:
    """The recommendations in an answer, at most `MOST_RECOMMENDATIONS`. Raises UnusableAnswer."""
    try:
        found = json.loads(answer)["recommendations"]
        recommendations = [
            {"title": str(one["title"]), "detail": str(one.get("detail", ""))} for one in found
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableAnswer(model, f"{type(error).__name__}: {error}") from error
    if not recommendations:
        raise UnusableAnswer(model, "the list is empty")
    return recommendations[:MOST_RECOMMENDATIONS]

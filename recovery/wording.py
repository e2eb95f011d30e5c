"""Rewords recommendations with a language model, where a setting names one. It never changes a number.

Only the title and the actions may be reworded. What is sent is what the page shows: counts, rates, names of
steps, segments and failed tasks; no session, no person. An answer is input from outside: it is taken for a
recommendation when every number in it is in the computed text too, no text says another number than the one
it stands for, and it has as many actions; else, and whenever the endpoint is slow or away, the computed text
stays.
"""

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from typing import Any

import redis
from openai import APIError, OpenAI

from analytics.advice.records import Recommendation
from recovery.settings import Settings

TIMEOUT_SECONDS = 8.0
KEPT_SECONDS = 86_400
MOST_CHARACTERS = 300
_PREFIX = "onward:wording:"
_PROMPT = (
    "Reword the title and the actions of each recommendation for a product manager: plain, short, specific. "
    "Keep every name of a step, segment or task. Use no number that is not in the facts, and write numbers "
    "as digits. Answer with JSON only, in the same order: "
    '{"recommendations": [{"title": "...", "actions": ["..."]}]}.'
)
#: A word with a digit, so that 8m 50s never becomes 50m 8s; or one character that is a number, as a half is.
_NUMBER = re.compile(r"\w*\d(?:[\w.,]*\w)?|[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u218b\u2460-\u24ff]")
#: Words that state a number without a digit.
_NUMBER_WORDS = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundreds?|thousands?|millions?|dozens?|half|halve[sd]?|thirds?|quarters?|twice|"
    r"doubl\w*|tripl\w*)\b",
    re.IGNORECASE,
)

log = logging.getLogger(__name__)
#: Takes the facts, gives the model's answer. Raises openai.APIError.
Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Wording:
    """Share one per process. Without `ask` nothing is reworded."""

    ask: Ask | None
    client: "redis.Redis"

    @classmethod
    def of(cls, settings: Settings, client: "redis.Redis") -> "Wording":
        return cls(_asking(settings) if settings.wording_url else None, client)

    def reworded(self, recommendations: Sequence[Recommendation]) -> tuple[Recommendation, ...]:
        """The same recommendations in the same order, in other words where these can be trusted."""
        if self.ask is None or not recommendations:
            return tuple(recommendations)
        answers = self._answers(json.dumps([_facts(one) for one in recommendations]), self.ask)
        if len(answers) != len(recommendations):
            return tuple(recommendations)
        return tuple(_in_words_of(*pair) for pair in zip(recommendations, answers, strict=True))

    def _answers(self, facts: str, ask: Ask) -> Sequence[Any]:
        key = _PREFIX + sha256(facts.encode()).hexdigest()
        try:
            text = self.client.get(key)
            if text is None:
                text = _answered(facts, ask)
                self.client.set(key, text, ex=KEPT_SECONDS)
        except redis.RedisError:
            text = _answered(facts, ask)
        return _parsed(str(text, "utf-8") if isinstance(text, bytes) else str(text))


def _asking(settings: Settings) -> Ask:
    client = OpenAI(
        base_url=settings.wording_url,
        # An endpoint of one's own may want no key, but the client does.
        api_key=settings.wording_key or "none",
        timeout=TIMEOUT_SECONDS,
        max_retries=0,
    )

    def ask(facts: str) -> str:
        answer = client.chat.completions.create(
            model=settings.wording_model,
            messages=[{"role": "system", "content": _PROMPT}, {"role": "user", "content": facts}],
            response_format={"type": "json_object"},
        )
        return answer.choices[0].message.content or ""

    return ask


def _facts(one: Recommendation) -> dict[str, Any]:
    return {
        "type": one.type,
        "title": one.title,
        "evidence": [evidence.text for evidence in one.evidence],
        "actions": list(one.suggested_actions),
        "if": one.estimated_impact.counterfactual,
    }


def _answered(facts: str, ask: Ask) -> str:
    """ "" when it failed, which is kept as well: a page must not wait for the endpoint again and again."""
    try:
        return ask(facts)
    except APIError as error:
        log.warning("the endpoint that rewords recommendations failed: %s", error)
        return ""


def _parsed(answer: str) -> Sequence[Any]:
    try:
        found = json.loads(answer)["recommendations"]
    except (ValueError, KeyError, TypeError):
        return ()
    return found if isinstance(found, list) else ()


def _in_words_of(one: Recommendation, answer: Any) -> Recommendation:
    texts = _texts_of(answer)
    if len(texts) != 1 + len(one.suggested_actions):
        return one
    said = [_numbers(text) for text in texts]
    if not set(chain(*said)) <= set(chain(*map(_numbers, _texts(one)))):
        log.warning("a rewording of %r was refused: it has numbers of its own", one.title)
        return one
    if not all(map(_keeps, said, map(_numbers, [one.title, *one.suggested_actions]))):
        log.warning("a rewording of %r was refused: it puts one number for another", one.title)
        return one
    return replace(one, title=texts[0], suggested_actions=tuple(texts[1:]))


def _texts_of(answer: Any) -> list[str]:
    """The title and the actions; nothing of an answer of another form."""
    try:
        texts = [answer["title"], *answer["actions"]]
    except (KeyError, TypeError):
        return []
    usable = all(isinstance(text, str) and 0 < len(text.strip()) <= MOST_CHARACTERS for text in texts)
    return texts if usable else []


def _texts(one: Recommendation) -> list[str]:
    return [one.title, *one.suggested_actions, *(evidence.text for evidence in one.evidence)]


def _numbers(text: str) -> list[str]:
    """In their order, those that are words too."""
    found = [*_NUMBER.finditer(text), *_NUMBER_WORDS.finditer(text)]
    return [one[0].lower() for one in sorted(found, key=lambda one: one.start())]


def _keeps(numbers: list[str], own: list[str]) -> bool:
    """Whether a text has its own numbers, in their order, or none at all."""
    following = iter(numbers)
    return not numbers or all(number in following for number in own)

"""What can go wrong in the flow.

OnboardingError
  UnknownSession          no session with this id
  StageSkipped            the session has not reached the stage before
  Transient               may work when tried again
    AssistantTimeout      the language model did not answer in time
    AssistantUnavailable  the language model refused or could not be reached
  UnusableAnswer          the language model answered, but not with recommendations
"""

from typing import Any


class OnboardingError(Exception):
    """Base of the package. Survives the way from a task's process to the worker's with its facts."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)


class UnknownSession(OnboardingError):
    def __init__(self, session_id: str) -> None:
        super().__init__(f"no onboarding session {session_id!r}")
        self.session_id = session_id


class StageSkipped(OnboardingError):
    def __init__(self, session_id: str, stage: str, wanted: str) -> None:
        super().__init__(f"session {session_id!r} is at {stage} and cannot enter {wanted}")
        self.session_id = session_id
        self.stage = stage
        self.wanted = wanted


class Transient(OnboardingError):
    """Worth another attempt without anybody changing anything."""


class AssistantTimeout(Transient):
    def __init__(self, model: str, seconds: float) -> None:
        super().__init__(f"{model} did not answer within {seconds:g} s")
        self.model = model
        self.seconds = seconds


class AssistantUnavailable(Transient):
    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"{model} could not be reached: {reason}")
        self.model = model


class UnusableAnswer(OnboardingError):
    def __init__(self, model: str, problem: str) -> None:
        super().__init__(f"{model} answered without usable recommendations: {problem}")
        self.model = model


def _restored(kind: type[OnboardingError], args: tuple[Any, ...], facts: dict[str, Any]) -> OnboardingError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error

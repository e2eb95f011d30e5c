"""What can go wrong in the flow. The category decides what the task does about it.

OnboardingError
  UnknownSession          no session with this id
  StageSkipped            the session has not reached the stage before
  AssistantTimeout        the language model did not answer in time
  AssistantUnavailable    the language model refused or could not be reached
  UnusableAnswer          the language model answered, but not with recommendations
"""

from typing import Any

from dlq.strategies.categories import Category


class OnboardingError(Exception):
    """Base of the package. Survives the way from a task's process to the worker's with its facts."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)


class UnknownSession(OnboardingError):
    category = Category.VALIDATION

    def __init__(self, session_id: str) -> None:
        super().__init__(f"no onboarding session {session_id!r}")
        self.session_id = session_id


class StageSkipped(OnboardingError):
    category = Category.VALIDATION

    def __init__(self, session_id: str, stage: str, wanted: str) -> None:
        super().__init__(f"session {session_id!r} is at {stage} and cannot enter {wanted}")
        self.session_id = session_id
        self.stage = stage
        self.wanted = wanted


class AssistantTimeout(OnboardingError):
    category = Category.TIMEOUT

    def __init__(self, model: str, seconds: float) -> None:
        super().__init__(f"{model} did not answer within {seconds:g} s")
        self.model = model
        self.seconds = seconds


class AssistantUnavailable(OnboardingError):
    """Its category follows from the HTTP status: 429 is a rate limit, 401 a wrong key."""

    def __init__(self, model: str, reason: str, status_code: int | None = None) -> None:
        super().__init__(f"{model} could not be reached: {reason}")
        self.model = model
        self.status_code = status_code  #: None when nothing answered


class UnusableAnswer(OnboardingError):
    category = Category.TRANSIENT  # the model may do better when asked again

    def __init__(self, model: str, problem: str) -> None:
        super().__init__(f"{model} answered without usable recommendations: {problem}")
        self.model = model


def _restored(kind: type[OnboardingError], args: tuple[Any, ...], facts: dict[str, Any]) -> OnboardingError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error

"""What can go wrong with dead letters, each with what to do about it.

DlqError
  SettingsError          a setting that cannot be used
  StoreUnavailable       PostgreSQL does not answer, or refuses us
  StoreRefused           PostgreSQL answers, but cannot hold this letter
  BrokerUnavailable      the message cannot be published now
  Unpublishable          no broker takes this letter's message
  CannotOpen             sealed arguments that stay closed
    KeyMissing           their key is not listed any more
    SealBroken           their key is listed, but does not open them
  NotEditable            edited arguments that cannot be kept
    StillMasked          a mask stands where no secret was: what is meant there?
  UnknownVersion         the letter was not edited so often
  UnknownLetter          no letter has this number
  UnknownGroup           no group has this fingerprint
  BadCursor              a page position that this list did not hand out
  TooFar                 more letters are to be passed over than a list reads
  BadFilter              a link asks for letters in a way that is not known
  NotAllowedNow          the letter is in a state that does not allow the change
    AlreadyRetrying      somebody else pressed retry first
    Poisoned             failed too often to be retried without saying so
  UnknownOperation       no operation has this number
  OperationNotAllowed    the operation is in a state that does not allow the change
  BadOption              an operation cannot be carried out so
  NothingSelected        an operation would change no letter
  NoLetterNamed          a command would change letters, but does not say which
  YesNeeded              a command would change several letters without asking
  CountMoved             the letters are not those of the preview any more
  AlreadyDone            the work of this task id is committed
  NoWorker               nobody is there who could do it
  NothingToUndo          the change to take back is not there
  BadLimits              time limits that no task can have
  ConcernsEveryClient    it would change what people of other clients see or do
  BreakerOpen            a task may not call this dependency now: it failed too often just before
"""

from datetime import datetime
from typing import Any


class DlqError(Exception):
    """Base of the package. The text is one sentence for the person who asked."""


class SettingsError(DlqError):
    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name


class StoreUnavailable(DlqError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The dead letters cannot be read or changed now: {reason}. Try again shortly.")
        self.reason = reason


class StoreRefused(DlqError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"PostgreSQL cannot store this letter: {reason}.")
        self.reason = reason


class BrokerUnavailable(DlqError):
    def __init__(self, reason: str) -> None:
        self.reason = reason.rstrip(".")
        super().__init__(f"The broker does not take messages now: {self.reason}.")


class Unpublishable(DlqError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The message of this letter cannot be published: {reason}. It stays a dead letter.")
        self.reason = reason


class CannotOpen(DlqError):
    """What is sealed can be listed, but neither shown nor sent."""

    def __init__(self, key_id: str, reason: str, remedy: str) -> None:
        super().__init__(f"The arguments cannot be opened: {reason}. {remedy}")
        self.key_id = key_id
        self.reason = reason


class KeyMissing(CannotOpen):
    def __init__(self, key_id: str) -> None:
        super().__init__(
            key_id,
            f"they are sealed under key {key_id}, which DLQ_ENCRYPTION_KEY does not list",
            "List that key again after the one that seals, then run 'python -m dlq rotate-key'.",
        )


class SealBroken(CannotOpen):
    def __init__(self, key_id: str) -> None:
        super().__init__(
            key_id,
            f"key {key_id} does not fit them, so they were damaged or replaced",
            "Restore the letter from a backup, or discard it.",
        )


class NotEditable(DlqError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"These arguments cannot be kept as an edit: {reason}.")
        self.reason = reason


class StillMasked(NotEditable):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} holds [redacted] where nothing is masked, or not all of it."
            " Leave a masked value as and where it was, or write a whole new one"
        )
        self.path = path


class UnknownVersion(DlqError):
    def __init__(self, letter_id: int, version: int) -> None:
        super().__init__(f"Letter {letter_id} has no version {version} of its arguments.")
        self.letter_id = letter_id
        self.version = version


class UnknownLetter(DlqError):
    def __init__(self, letter: int | str) -> None:
        super().__init__(f"There is no dead letter {letter}. It may have been purged.")
        self.letter = letter


class UnknownGroup(DlqError):
    def __init__(self, fingerprint: str) -> None:
        super().__init__(f"There is no group {fingerprint!r} of failures. It may have been purged.")
        self.fingerprint = fingerprint


class BadCursor(DlqError):
    def __init__(self, cursor: str) -> None:
        super().__init__(f"{cursor!r} is no position in this list. Start again from its first page.")
        self.cursor = cursor


class TooFar(DlqError):
    def __init__(self, skip: int, most: int) -> None:
        super().__init__(
            f"{skip} letters cannot be passed over: name from 0 to {most:,}, or go on with `next` of a page."
        )
        self.skip = skip


class BadFilter(DlqError):
    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name} cannot be {value[:40]!r}: it must be {wanted}.")
        self.name = name
        self.value = value


class NotAllowedNow(DlqError):
    def __init__(self, letter_id: int, status: str, wanted: str) -> None:
        super().__init__(f"Letter {letter_id} is {status} and cannot be {wanted} now.")
        self.letter_id = letter_id
        self.status = status


class AlreadyRetrying(NotAllowedNow):
    def __init__(self, letter_id: int, claimed_by: str, claimed_at: datetime) -> None:
        DlqError.__init__(
            self,
            f"Letter {letter_id} is already being retried: {claimed_by} pressed retry at"
            f" {claimed_at:%Y-%m-%d %H:%M:%S} UTC.",
        )
        self.letter_id = letter_id
        self.status = "retrying"
        self.claimed_by = claimed_by
        self.claimed_at = claimed_at


class Poisoned(NotAllowedNow):
    def __init__(self, letter_id: int, attempts: int) -> None:
        DlqError.__init__(
            self,
            f"Letter {letter_id} has failed {attempts} times and is set aside."
            " Remove the cause, then retry it with 'even if poisoned'.",
        )
        self.letter_id = letter_id
        self.status = "poisoned"
        self.attempts = attempts


class UnknownOperation(DlqError):
    def __init__(self, operation_id: int | str) -> None:
        super().__init__(f"There is no operation {operation_id}. It may have been purged.")
        self.operation_id = operation_id


class OperationNotAllowed(DlqError):
    def __init__(self, operation_id: int, status: str, wanted: str) -> None:
        super().__init__(f"Operation {operation_id} is {status}: it cannot be {wanted} now.")
        self.operation_id = operation_id
        self.status = status


class BadOption(DlqError):
    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}.")


class NothingSelected(DlqError):
    def __init__(self) -> None:
        super().__init__("No letter matches any more, so there is nothing to do.")


class NoLetterNamed(DlqError):
    def __init__(self) -> None:
        super().__init__("Name letters, or narrow them by --task-name and the like, or say --all.")


class YesNeeded(DlqError):
    def __init__(self, letters: int, option: str) -> None:
        things = "1 letter" if letters == 1 else f"{letters:,} letters"
        super().__init__(f"{things} would change; nothing did. Say {option} to go on.")
        self.letters = letters


class CountMoved(DlqError):
    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"The preview counted {expected:,}; now it would be {found:,}. Look again first.")
        self.expected = expected
        self.found = found


class AlreadyDone(DlqError):
    def __init__(self, task_id: str) -> None:
        super().__init__(f"The work of task {task_id} is committed already; this run must do nothing.")
        self.task_id = task_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.task_id,)


class BreakerOpen(DlqError):
    """Raised in tasks; survives the way from a task's process to the worker's."""

    def __init__(self, dependency: str, seconds: float) -> None:
        super().__init__(
            f"{dependency} has failed too often just before and is left alone for now. Tasks wait for it;"
            " close its circuit breaker by hand once it is back."
        )
        self.dependency = dependency
        self.seconds = seconds  #: until a call may pass again

    def __reduce__(self) -> tuple[Any, ...]:
        return BreakerOpen, (self.dependency, self.seconds)


class ConcernsEveryClient(DlqError):
    def __init__(self, login: str) -> None:
        super().__init__(
            f"{login} is restricted to some clients, and this would concern all of them."
            " Ask somebody who sees every client."
        )
        self.login = login


class NoWorker(DlqError):
    def __init__(self, that: str) -> None:
        super().__init__(f"No worker {that} now. Start one, or wait until it answers.")


class NothingToUndo(DlqError):
    def __init__(self, found: str) -> None:
        super().__init__(f"There is nothing to take back: {found}.")


class BadLimits(DlqError):
    def __init__(self, problem: str) -> None:
        super().__init__(f"These time limits cannot be set: {problem}.")

"""Runs one command and sees to it that nothing of it is left when it should end.

    python -I -S guardian.py STOP_SIGNAL GRACE_SECONDS LIFELINE IDENTITY COMMAND...

LIFELINE is the read end of a pipe. When its last writer is gone (the supervisor ended, however it ended),
or when the guardian gets SIGTERM, the command gets STOP_SIGNAL, then GRACE_SECONDS later SIGKILL. Whatever
is left in the command's process group after its end is killed too, and on Linux whatever else it left behind:
PostgreSQL's processes have groups of their own, and one in a long query would keep the next server from its
memory. The exit code is the command's (128 + n
after signal n), or 125 when it could not be started. The guardian holds every descriptor that it was given
until it exits, so a lock on the data folder lasts as long as anything that works in it.

IDENTITY, for servers that refuse root and users without a name: `same`, `namespace` (this user under the
number of nobody in a user namespace of its own, files keep their owner), or `nobody`.

Run by path and with the standard library alone: it must start fast, and it must change identity between fork
and exec, which is safe only in a process without threads.
"""

import ctypes
import math
import os
import select
import signal
import sys
import time
from types import FrameType

CANNOT_START = 125
NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ON_LINUX = sys.platform == "linux"
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_OURS = (*_STOPS, signal.SIGCHLD)


def guard(stop_signal: int, grace_seconds: float, lifeline: int, identity: str, command: list[str]) -> int:
    """Run `command` to its end, or stop it when told to; return the exit code for it."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    asked_to_stop = _note_signals()
    if _ON_LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = _start(command, stop_signal, identity)
    while (code := _exit_code(child)) is None:
        readable, _, _ = select.select([lifeline, woken], [], [])
        if woken in readable:
            os.read(woken, 512)
        if lifeline in readable or asked_to_stop:
            code = _stop(child, stop_signal, grace_seconds, woken)
            break
    _signal_group(child, signal.SIGKILL)
    _end_orphans()
    return code


def _note_signals() -> list[int]:
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    for number in _STOPS:
        signal.signal(number, note)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return received


def _start(command: list[str], stop_signal: int, identity: str) -> int:
    parent = os.getpid()
    # Held back over the fork: the child must not note a signal as we do, and then forget it in exec.
    signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        return child
    try:
        os.setsid()
        _become(identity)
        _die_with(parent, stop_signal)
        for number in (*_OURS, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        os.closerange(3, 1024)
        os.execvp(command[0], command)  # noqa: S606 - a list, no shell wanted
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error.strerror or error}\n".encode())
    os._exit(CANNOT_START)


def _become(identity: str) -> None:
    if identity == "namespace":
        user, group = os.geteuid(), os.getegid()
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "no user namespace may be made here")
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{NOBODY} {user} 1")
        _write("/proc/self/gid_map", f"{NOBODY} {group} 1")
    elif identity == "nobody":
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _die_with(parent: int, stop_signal: int) -> None:
    # Only for a guardian that is itself killed. After the identity: changing it clears the request.
    if _ON_LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(CANNOT_START)


def _exit_code(child: int) -> int | None:
    ended = -1
    while ended not in (child, 0):  # orphans that we were given end here too
        ended, status = os.waitpid(-1, os.WNOHANG)
    if not ended:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _stop(child: int, stop_signal: int, grace_seconds: float, woken: int) -> int:
    os.kill(child, stop_signal)
    deadline = time.monotonic() + grace_seconds
    while (code := _exit_code(child)) is None:
        if not _woken_before(deadline, woken):
            _signal_group(child, signal.SIGKILL)
            deadline = math.inf
    return code


def _woken_before(deadline: float, woken: int) -> bool:
    remaining = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
    readable, _, _ = select.select([woken], [], [], remaining)
    return bool(readable and os.read(woken, 512))


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return


def _end_orphans() -> None:
    while killed := [child for child in _children() if _is_killed(child)]:
        for child in killed:
            os.waitpid(child, 0)


def _children() -> list[int]:
    try:
        descriptor = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
    except FileNotFoundError:
        return []
    with os.fdopen(descriptor) as listed:
        return [int(child) for child in listed.read().split()]


def _is_killed(child: int) -> bool:
    try:
        os.kill(child, signal.SIGKILL)
    except PermissionError:
        return False
    return True


if __name__ == "__main__":
    stop, grace, line, who = sys.argv[1:5]
    sys.exit(guard(int(stop), float(grace), int(line), who, sys.argv[5:]))

"""This machine and this process's settings: Python, packages, disk, and who can reach the page."""

import shutil
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from celery import __version__ as celery_version

from infra.doctor.findings import Finding, error, note, ok, warning
from infra.settings import Settings

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
#: The release that dead letters are tested on.
CELERY = "5.7."
GB = 10**9
#: Below this, what is running may stop within hours.
LEAST_BYTES, FEW_BYTES = GB, 5 * GB


def versions() -> Iterator[Finding]:
    running = ".".join(map(str, sys.version_info[:3]))
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        yield ok("python", f"Python {running}")
    else:
        yield warning(
            "python", f"Python {running} is not tested.", "Use 3.11 to 3.13: make PYTHON=python3.13"
        )
    if celery_version.startswith(CELERY):
        yield ok("celery", f"Celery {celery_version}")
    else:
        yield warning(
            "celery",
            f"Celery {celery_version} is not what capture was tested with.",
            "Run `make install`, which brings the version of requirements.lock.",
        )


def disk(folders: dict[str, Path]) -> Iterator[Finding]:
    """Free space below each folder, which need not be there yet; `folders` is by what they hold."""
    for holds, folder in folders.items():
        free = shutil.disk_usage(_existing(folder)).free
        said = f"{free / GB:,.1f} GB free for {holds} in {folder}"
        mend = "Free space there, or move the folder: see the settings in README.md."
        if free < LEAST_BYTES:
            yield error("disk", said, mend)
        elif free < FEW_BYTES:
            yield warning("disk", said, mend)
        else:
            yield ok("disk", said)


def address(settings: Settings) -> Iterator[Finding]:
    if _is_loopback(settings.host):
        yield ok("address", f"The page is reached from this machine only ({settings.host}).")
    elif settings.trusted_proxies:
        yield note(
            "address",
            f"The page listens on {settings.host}, behind {', '.join(settings.trusted_proxies)}.",
            "See to it that only that proxy, which must speak TLS, reaches the port.",
        )
    else:
        yield warning(
            "address",
            f"The page listens on {settings.host} without TLS: passwords can be read on the way.",
            "Put a TLS proxy before it and name it in ONWARD_TRUSTED_PROXIES, or set ONWARD_HOST=127.0.0.1.",
        )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.resolve().parents) if path.exists())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Who may work in a data folder."""

import subprocess
from pathlib import Path

import pytest

from infra.errors import AlreadyRunning, SettingsError
from infra.home import DataFolder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "home")
    folder.create()
    return folder


def test_only_one_owns_a_folder_and_the_other_learns_who(folder: DataFolder) -> None:
    with folder.owned("python -m first"), pytest.raises(AlreadyRunning, match="python -m first"):
        folder.owned("python -m second").__enter__()
    with folder.owned("python -m second"):
        assert folder.running() is not None
    assert folder.running() is None


def test_new_owner_waits_for_what_the_last_one_left_running(folder: DataFolder) -> None:
    with folder.owned("first") as lock:
        left = subprocess.Popen(["sleep", "0.3"], pass_fds=(lock,))
    with folder.owned("second"):
        assert left.poll() == 0


def test_nobody_is_joined_where_nobody_runs(folder: DataFolder) -> None:
    with folder.owned("first"):
        record = folder.running()
        assert record
        with folder.joined() as running:
            assert running == record
    folder.announce(record)  # as a killed owner leaves it
    with folder.joined() as running:
        assert running is None


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^ONWARD_HOME cannot be .*file/home: Not a directory"):
        DataFolder(tmp_path / "file" / "home").create()

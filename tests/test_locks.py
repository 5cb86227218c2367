"""A lock that no process can leave behind."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys

import pytest

from woundseg import locks
from woundseg.errors import OutputError

HOLDER = """
import sys
from pathlib import Path
from woundseg import locks

with locks.holding(Path(sys.argv[1])) as free:
    print(free, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of ``study.lock``."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "study.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"True\n"
        yield process
        process.kill()


def is_free(path) -> bool:
    with locks.holding(path) as free:
        return free


def test_one_at_a_time_and_free_afterwards(tmp_path):
    path = tmp_path / "a.lock"
    with locks.holding(path) as first:
        assert (first, is_free(path), is_free(tmp_path / "b.lock")) == (True, False, True)
        assert not is_free(path)  # who was refused has taken nothing away
    assert is_free(path)
    assert path.read_bytes() == b""


def test_a_block_that_fails_gives_it_back(tmp_path):
    with pytest.raises(KeyError), locks.holding(tmp_path / "a.lock"):
        raise KeyError
    assert is_free(tmp_path / "a.lock")


def test_another_process_holds_it_until_it_ends(tmp_path, holder):
    assert not is_free(tmp_path / "study.lock")
    holder.communicate(b"")
    assert is_free(tmp_path / "study.lock")


def test_a_killed_process_leaves_no_lock(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    assert holder.wait() == -signal.SIGKILL
    assert is_free(tmp_path / "study.lock")


def test_a_disk_without_locks_is_told(tmp_path, monkeypatch):
    def refuse(_handle):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_take", refuse)
    with pytest.raises(OutputError, match="No locks available"), locks.holding(tmp_path / "a"):
        pass


def test_a_folder_that_is_not_there(tmp_path):
    with (
        pytest.raises(OutputError, match="folder does not exist"),
        locks.holding(tmp_path / "none" / "a"),
    ):
        pass

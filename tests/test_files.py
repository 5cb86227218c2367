from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from woundseg import files
from woundseg.errors import EXIT_OUTPUT, OutputError


def test_write_bytes_and_text(tmp_path):
    files.write_bytes(tmp_path / "a.bin", b"\0\xff")
    files.write_text(tmp_path / "b.txt", "0,5 cm²\r\n")
    assert (tmp_path / "a.bin").read_bytes() == b"\0\xff"
    assert (tmp_path / "b.txt").read_bytes() == b"0,5 cm\xc2\xb2\r\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bin", "b.txt"]


def test_an_earlier_result_is_replaced_and_never_changed_in_place(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("old")
    with target.open() as reader:
        files.write_text(target, "new")
        assert reader.read() == "old"
    assert target.read_text() == "new"


def test_passing_path_is_beside_and_keeps_the_suffix(tmp_path):
    target = tmp_path / "overlay.png"
    with files.writing(target) as part:
        assert part.parent == tmp_path
        assert part.suffix == ".png"
        assert not target.exists()
        part.write_bytes(b"x")
    assert target.read_bytes() == b"x"


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError])
def test_failure_in_the_block_keeps_the_old_result(tmp_path, fault):
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(fault), files.writing(target) as part:
        part.write_text("half")
        raise fault
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    assert target.read_text() == "old"


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "may not be written to"),
        (errno.EROFS, "can only be read"),
        (errno.EIO, "cannot be written (Input/output error)"),
    ],
)
def test_faults_of_the_disk(tmp_path, monkeypatch, number, cause):
    def fail(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(OutputError) as caught:
        files.write_text(tmp_path / "a.csv", "new")
    assert cause in str(caught.value)
    assert str(tmp_path / "a.csv") in str(caught.value)
    assert caught.value.exit_status == EXIT_OUTPUT
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for place, cause in [
        (tmp_path / "missing" / "a.json", "its folder does not exist"),
        (tmp_path / "file" / "a.json", "is a file, not a folder"),
        (tmp_path, "is a folder"),
        (tmp_path / ("n" * 300), "its name is too long"),
        (tmp_path / "loop", "leads back to itself"),
    ]:
        with pytest.raises(OutputError, match=cause) as caught:
            files.write_text(place, "x")
        assert caught.value.subject == str(place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "loop"]


def test_longest_name_that_a_disk_takes(tmp_path):
    name = "ü" * 125 + ".json"  # 255 bytes in UTF-8
    files.write_text(tmp_path / name, "x")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_device_is_not_replaced():
    null = Path(os.devnull)
    with pytest.raises(OutputError, match="in the way"):
        files.write_text(null, "x")
    assert not stat.S_ISREG(null.stat().st_mode)


def test_link_is_followed(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    files.write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_rights_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_another_file_missing_in_the_block_is_not_called_an_output_error(tmp_path):
    with pytest.raises(FileNotFoundError), files.writing(tmp_path / "a.txt"):
        (tmp_path / "input.txt").read_text()
    assert list(tmp_path.iterdir()) == []


def test_make_folder(tmp_path):
    assert files.make_folder(tmp_path / "a" / "b").is_dir()
    files.make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(OutputError):
            files.make_folder(place)


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    below = tmp_path / "below"
    below.mkdir()
    keep = ["a.csv", ".a.csv.part.csv", ".a.csv.0123456789.part.csv", "a.csv.01234567.part.csv"]
    for name in (*keep, ".a.csv.01234567.part.csv", ".a.89abcdef.part"):
        (below / name).touch()
    files.sweep(tmp_path)
    assert {path.name for path in below.iterdir()} == set(keep)
    files.sweep(tmp_path / "gone")


@pytest.mark.parametrize(
    "name", ["a.csv", "no_suffix", "x" * 90 + ".json", "写真 1.jpg", ".hidden"]
)
def test_sweeping_knows_every_passing_name(tmp_path, name):
    with pytest.raises(OutputError), files.writing(tmp_path / name) as part:
        assert part.exists()
        files.sweep(tmp_path)
        assert not part.exists()

"""A file is whole or not there, whatever happens while it is written."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.errors import UsageError
from shared.whole_file import require_writable, whole_file

on_posix = pytest.mark.skipif(os.name != "posix", reason="permissions and pipes as POSIX has them")
every_interruption = pytest.mark.parametrize(
    "error", [RuntimeError, OSError, KeyboardInterrupt, SystemExit, MemoryError]
)


@pytest.fixture
def umask() -> Iterator[Callable[[int], None]]:
    """Set the umask for one test."""
    before = os.umask(0o022)

    def set_to(mask: int) -> None:
        os.umask(mask)

    yield set_to
    os.umask(before)


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that may not be entered; root, whom no permission stops, is nobody meanwhile."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o000)
    user = os.geteuid()
    os.seteuid(user or 65534)
    yield folder
    os.seteuid(user)
    folder.chmod(0o700)


def write(path: Path, content: bytes, error: type[BaseException] | None = None) -> None:
    """Write a file; raise the error after half of it."""
    with whole_file(path) as file:
        file.write(content[: len(content) // 2])
        if error is not None:
            raise error("while writing")
        file.write(content[len(content) // 2 :])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    write(tmp_path / "a.bin", b"all of it")
    assert (tmp_path / "a.bin").read_bytes() == b"all of it"


def test_a_finished_file_stands_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.bin", b"all of it")
    assert names(tmp_path) == ["a.bin"]


def test_a_finished_file_replaces_an_older_one(tmp_path: Path) -> None:
    write(tmp_path / "a.bin", b"a longer first version")
    write(tmp_path / "a.bin", b"second")
    assert (tmp_path / "a.bin").read_bytes() == b"second"


def test_a_file_without_content_is_a_file(tmp_path: Path) -> None:
    write(tmp_path / "a.bin", b"")
    assert (tmp_path / "a.bin").read_bytes() == b""


def test_the_name_is_not_taken_before_the_end(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.bin") as file:
        file.write(b"half")
        file.flush()
        assert "a.bin" not in names(tmp_path)


def test_an_older_file_stands_until_the_end(tmp_path: Path) -> None:
    write(tmp_path / "a.bin", b"first")
    with whole_file(tmp_path / "a.bin") as file:
        file.write(b"second")
        file.flush()
        assert (tmp_path / "a.bin").read_bytes() == b"first"


def test_an_unfinished_file_lies_beside_its_place(tmp_path: Path) -> None:
    """Shows that the tests for leftovers can fail: until the end there is something to leave."""
    with whole_file(tmp_path / "a.bin"):
        (name,) = names(tmp_path)
    assert (name[:7], name[-5:]) == (".a.bin.", ".part")


@every_interruption
def test_an_error_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error, match="while writing"):
        write(tmp_path / "a.bin", b"all of it", error)
    assert names(tmp_path) == []


@every_interruption
def test_an_error_leaves_an_older_file_as_it_was(
    tmp_path: Path, error: type[BaseException]
) -> None:
    write(tmp_path / "a.bin", b"first")
    with pytest.raises(error, match="while writing"):
        write(tmp_path / "a.bin", b"second", error)
    assert (names(tmp_path), (tmp_path / "a.bin").read_bytes()) == (["a.bin"], b"first")


def test_the_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".a.bin.other.part").write_bytes(b"someone else's")
    with pytest.raises(RuntimeError):
        write(tmp_path / "a.bin", b"all of it", RuntimeError)
    assert names(tmp_path) == [".a.bin.other.part"]


def test_a_name_that_is_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(OSError, match=r"a\.bin"):
        write(tmp_path / "a.bin", b"all of it")
    assert (names(tmp_path), names(tmp_path / "a.bin")) == (["a.bin"], [])


def test_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "nowhere" / "a.bin", b"all of it")
    assert names(tmp_path) == []


def test_a_name_without_a_folder_is_written_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a.bin"), b"all of it")
    assert names(tmp_path) == ["a.bin"]


@on_posix
def test_content_is_on_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        done.append("sync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "sync content")
        sync(handle)

    def noted_replace(part: Path, target: Path) -> Path:
        done.append("take the name")
        return replace(part, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    write(tmp_path / "a.bin", b"all of it")
    assert done == ["sync content", "take the name", "sync folder"]


@on_posix
@pytest.mark.parametrize(
    ("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o000, 0o666)]
)
def test_permissions_follow_the_umask(
    tmp_path: Path, umask: Callable[[int], None], mask: int, mode: int
) -> None:
    umask(mask)
    write(tmp_path / "a.bin", b"all of it")
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode


@on_posix
def test_the_umask_stays_as_it_was(tmp_path: Path, umask: Callable[[int], None]) -> None:
    umask(0o027)
    write(tmp_path / "a.bin", b"all of it")
    assert os.umask(0o022) == 0o027


def test_a_place_that_can_be_written_is_returned(tmp_path: Path) -> None:
    assert require_writable(tmp_path / "a.bin") == tmp_path / "a.bin"


def test_asking_leaves_no_trace(tmp_path: Path) -> None:
    require_writable(tmp_path / "a.bin")
    assert names(tmp_path) == []


def test_asking_leaves_an_older_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"first")
    require_writable(tmp_path / "a.bin")
    assert (names(tmp_path), (tmp_path / "a.bin").read_bytes()) == (["a.bin"], b"first")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "it is a folder"),
        ("folder", "it is a folder"),
        ("nowhere/a.bin", "No such file or directory"),
        pytest.param("file/a.bin", "Not a directory", marks=on_posix),
        pytest.param("x" * 300, "File name too long", marks=on_posix),
    ],
    ids=["here", "folder", "missing folder", "file as a folder", "long name"],
)
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=rf"^cannot write .*: {reason}\. Choose a file name in"):
        require_writable(tmp_path / name)


@on_posix
def test_a_folder_that_may_not_be_entered_is_refused(closed_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"^cannot write .*: Permission denied\. Choose a file"):
        require_writable(closed_folder / "a.bin")


@on_posix
def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    """A pipe or a device, such as /dev/stdout, would be replaced by a file of its name."""
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot write"):
        require_writable(tmp_path / "pipe")


@pytest.mark.parametrize("length", [1, 100, 239, 240, 241, 245, 246, 255])
def test_a_name_is_refused_early_or_written(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("x" * length)
    try:
        require_writable(path)
    except UsageError:
        return
    write(path, b"all of it")
    assert path.read_bytes() == b"all of it"


def test_a_folder_that_cannot_be_opened_is_not_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some systems open no folder; the rename has happened by then."""
    honest = os.open

    def no_folder(path: str, *rest: int) -> int:
        if Path(path) == tmp_path:
            raise OSError
        return honest(path, *rest)

    monkeypatch.setattr(os, "open", no_folder)
    write(tmp_path / "a.bin", b"all of it")
    assert (tmp_path / "a.bin").read_bytes() == b"all of it"

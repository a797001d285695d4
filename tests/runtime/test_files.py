"""Files come out whole or not at all."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketrnn.errors import OutputError
from pocketrnn.files import replacing, write_atomic


@pytest.fixture(params=["new", "old"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a path to write to, where there is an older file or none."""
    path = tmp_path / "model.onnx"
    if request.param == "old":
        path.write_bytes(b"old contents, which are longer")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_replacing(target: Path) -> None:
    before = contents(target.parent).get(target.name)
    with replacing(target) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == target.parent
        assert temporary.suffix == ".onnx"
        assert temporary.name.startswith(".")
        assert (target.read_bytes() if target.exists() else None) == before
    assert contents(target.parent) == {"model.onnx": b"new"}


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_error_in_the_body_changes_nothing(target: Path, error: BaseException) -> None:
    before = contents(target.parent)
    with pytest.raises(type(error)) as caught, replacing(target) as temporary:  # noqa: PT012
        temporary.write_bytes(b"half of the n")
        raise error
    assert caught.value is error
    assert contents(target.parent) == before


def test_full_disk(target: Path) -> None:
    before = contents(target.parent)
    no_space = f"can't write {target}: No space left"
    with pytest.raises(OutputError, match=no_space), replacing(target) as temporary:  # noqa: PT012
        temporary.write_bytes(b"half of the n")
        raise OSError(28, "No space left on device")
    assert contents(target.parent) == before


def test_writer_may_remove_the_temporary_file_and_make_it_again(target: Path) -> None:
    with replacing(target) as temporary:
        temporary.unlink()
        temporary.write_bytes(b"new")
    assert contents(target.parent) == {"model.onnx": b"new"}


def test_on_disk_before_the_rename(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = []
    sync, rename = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda file: [events.append("sync"), sync(file)])
    monkeypatch.setattr(
        Path, "replace", lambda old, new: [events.append("rename"), rename(old, new)]
    )
    write_atomic(target, b"new")
    assert events == ["sync", "rename", *(["sync"] if os.name == "posix" else [])]


@pytest.fixture
def umask() -> Iterator[int]:
    """Set an unusual umask."""
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_those_of_the_file_or_a_new_files(target: Path, umask: int) -> None:
    there = target.exists()
    if there:
        target.chmod(0o600)
    write_atomic(target, b"new")
    assert stat.S_IMODE(target.stat().st_mode) == (0o600 if there else 0o666 & ~umask)
    assert os.umask(umask) == umask


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (b"\0\xff\r\n", b"\0\xff\r\n"),
        ("naïve\r\n中\n", "naïve\r\n中\n".encode()),
        ("", b""),
        (b"", b""),
    ],
)
def test_write_atomic(data: bytes | str, written: bytes, target: Path) -> None:
    write_atomic(str(target), data)
    assert contents(target.parent) == {"model.onnx": written}


def test_half_a_character_is_no_reason_to_lose_a_page(target: Path) -> None:
    write_atomic(target, "a\ud83d")
    assert contents(target.parent)[target.name] == b"a?"


def test_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "model.onnx"
    with pytest.raises(OutputError, match=f"can't write {path}: No such file or directory"):
        write_atomic(path, b"new")
    assert contents(tmp_path) == {}


def test_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").mkdir()
    with pytest.raises(OutputError, match=r"can't write .*model\.onnx: Is a directory"):
        write_atomic(tmp_path / "model.onnx", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]

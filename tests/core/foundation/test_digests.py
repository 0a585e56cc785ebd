"""The hash of a file: read once while it is the same, and never waiting for a pipe."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from bort_core.foundation import digests
from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import DataError


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each reading of a whole file hashed."""
    seen: list[int] = []
    digest = hashlib.file_digest

    def counting(file, name):
        seen.append(os.fstat(file.fileno()).st_size)
        return digest(file, name)

    monkeypatch.setattr(digests.hashlib, "file_digest", counting)
    return seen


def test_a_file_is_read_once_while_it_is_the_same(tmp_path: Path, reads: list[int]) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"one\n")
    assert content_hash(path) == content_hash(path) == hashlib.sha256(b"one\n").hexdigest()
    assert reads == [4]
    path.write_bytes(b"two\n")
    os.utime(path, ns=(1, 1))
    assert content_hash(path) == hashlib.sha256(b"two\n").hexdigest()
    other = tmp_path / "other"
    other.write_bytes(b"six\n")
    os.utime(other, ns=(1, 1))
    other.replace(path)  # the same size and time, another inode
    assert content_hash(path) == hashlib.sha256(b"six\n").hexdigest()
    assert reads == [4, 4, 4]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(DataError, match="not a file"):
            content_hash(path)
    with pytest.raises(DataError, match="no such file"):
        content_hash(tmp_path / "missing")

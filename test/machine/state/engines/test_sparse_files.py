"""A file with holes keeps them, and what it is said to hold is no loss when it goes."""

import os

HOLE = 24 << 20
SPARSE = "workspace/disk.img"


def make_sparse(machine):
    path = machine.write(SPARSE, b"begin")
    with path.open("r+b") as stream:
        stream.seek(HOLE // 2)
        stream.write(b"in the middle")
        stream.truncate(HOLE)
    return path


def test_a_sparse_file_comes_back_with_its_holes(living):
    content = make_sparse(living).read_bytes()
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    restored = replacement.path(SPARSE)
    assert restored.read_bytes() == content
    assert restored.stat().st_blocks * 512 < 2 << 20
    assert replacement.record("restore")["bytes"] < 2 << 20


def test_the_end_of_a_sparse_file_is_no_loss(living):
    make_sparse(living)
    living.backup()
    os.unlink(living.path(SPARSE))
    living.backup()
    assert living.record("backup")["result"] == "success"


def test_a_sparse_file_is_written_whole_whatever_came_before(tmp_path):
    from openclaw.aws.transfers import SparseFile  # noqa: PLC0415 (on the path by conftest)

    path = tmp_path / "file"
    path.write_bytes(b"left by a try that broke" * 1000)
    zeros = bytes(3 * 4096)
    for offset, data in ((len(zeros), b"end"), (0, zeros)):
        sparse = SparseFile(path)
        sparse.seek(offset)
        assert sparse.write(data) == len(data)
        assert sparse.tell() == offset + len(data)
    SparseFile(path).end_at(len(zeros) + 3)
    assert path.read_bytes() == zeros + b"end"

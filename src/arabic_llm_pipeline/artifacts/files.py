"""What artifacts need of the file system: locks the kernel frees, links swapped in one step, trees made to last."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: two runs at once are not kept apart there
    fcntl = None  # type: ignore[assignment]

TRASH = ".trash-"


def acquire(directory: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """Lock a directory until the descriptor is closed or the process ends. None: it is gone, or held by another."""
    if fcntl is None:
        return os.open(os.devnull, os.O_RDONLY) if directory.exists() else None
    try:
        handle = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        if os.path.samestat(os.fstat(handle), directory.stat()):  # not removed while we waited
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None


def point(link: Path, target: str) -> None:
    """Make the link name its sibling, in one step. Where links are not possible a text file stands in."""
    if pointed(link) == target:
        return
    new = link.with_name(f".{link.name}.{os.getpid()}.link")
    new.unlink(missing_ok=True)
    try:
        if os.name == "nt":
            raise OSError("Windows cannot replace a link to a directory in one step")
        new.symlink_to(target)
    except OSError:
        new.write_text(target, encoding="utf-8")
    new.replace(link)


def pointed(link: Path) -> str | None:
    """The name of the sibling that a link, or the text file in its place, names."""
    try:
        return str(link.readlink()) if link.is_symlink() else link.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, UnicodeDecodeError):
        return None


def sync(tree: Path) -> None:
    """Have a directory and all in it on the disk before its name is."""
    for path in (*tree.rglob("*"), tree):
        sync_names(path)


def sync_names(path: Path) -> None:
    """Have one file's bytes, or the names in one directory, on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such call
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(tree: Path) -> None:
    """Take a directory out of sight before emptying it: nobody finds half of it under its name."""
    trash = tree.with_name(TRASH + tree.name.lstrip("."))
    shutil.rmtree(trash, ignore_errors=True)
    with suppress(FileNotFoundError):  # its maker gave it away
        tree.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def clear(directory: Path) -> None:
    """Empty a directory that stays."""
    for inside in directory.iterdir():
        if inside.is_dir() and not inside.is_symlink():
            shutil.rmtree(inside)
        else:
            inside.unlink()

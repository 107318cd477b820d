"""NumPy archives (.npz) that may come from anyone: opened with care, never unpickled."""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from datasets.errors import FileFormatError

UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy, zipfile and we were seen to raise on archives with changed bytes."""

_FREE_BYTES, _MOST_SWELLING = 2**28, 100
"""How much larger than packed an archive may get; only constants pack better, up to 1000 times."""


@contextmanager
def opened_archive(path: str | Path, expected: str) -> Iterator[NpzFile]:
    """An archive to take arrays from; whatever fails in the block is told of the file.

    Parameters
    ----------
    path
        The file.
    expected
        What it should be, with its article: errors say that it is not that.

    Raises
    ------
    FileFormatError
        If there is no such file, it is something else, it would swell when unpacked as no
        landmarks do, or the block finds in it what it cannot use.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, NpzFile):
                raise ValueError("a single array, not an archive of named ones")
            with archive:
                _require_size(archive, path)
                yield archive
    except FileNotFoundError as error:
        raise FileFormatError(path, None, "there is no such file") from error
    except FileFormatError:
        raise
    except UNREADABLE as error:
        raise FileFormatError(path, None, f"not {expected}: {_reason(error)}") from error


def _require_size(archive: NpzFile, path: Path) -> None:
    parts = [] if archive.zip is None else archive.zip.infolist()
    packed, whole = path.stat().st_size, sum(part.file_size for part in parts)
    if whole > max(_FREE_BYTES, _MOST_SWELLING * packed):
        sizes = f"from {packed / 2**20:.1f} to {whole / 2**20:.1f} MiB"
        raise FileFormatError(path, None, f"it would swell {sizes}, as no landmarks do")


def _reason(error: Exception) -> str:
    if "allow_pickle" in str(error):  # NumPy's advice is to trust the file
        return "it holds Python objects or something else that is no array of numbers"
    told = getattr(error, "strerror", None) or str(error)
    return str(told).splitlines()[0] if told else type(error).__name__

"""Which piece of source is at work: its file, its line, and the columns of the expression."""

from __future__ import annotations

import linecache
import sys
from itertools import islice
from pathlib import Path
from types import FrameType

from shared.explain.reading import Place


def source_place(but: tuple[str, ...]) -> tuple[Place, str]:
    """Return the piece of source that is at work, and the function that it belongs to.

    It is looked for in the innermost frame but for those of the files and folders named.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(but):
        frame = frame.f_back
    assert frame is not None, "they are called from somewhere"
    file, code = frame.f_code.co_filename, frame.f_code
    line, last, start, stop = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    number = line or frame.f_lineno
    text = linecache.getline(file, number).rstrip("\n")
    columns = None
    if start is not None and stop is not None and last == line:
        # Positions count bytes of UTF-8.
        first, end = (len(text.encode()[:byte].decode()) for byte in (start, stop))
        columns = (first, end)
    return Place(Path(file).name, number, text, columns), code.co_qualname

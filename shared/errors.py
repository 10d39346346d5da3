"""Every error that isograd raises on purpose, in one tree.

A difference between backends is *not* here: it is a result, and results are data. What is here
keeps a run from being made or trusted at all; compare.py prints the message and exits.

    IsogradError
    ├── UsageError            a name, number or path given by the user cannot be used       exit 2
    ├── ProblemUnavailable    the package that holds a problem's data is not installed      exit 3
    ├── BackendError
    │   ├── BackendUnavailable    its framework is not installed, or does not load          exit 3
    │   ├── BackendUnusable       the file does not import, or offers no (single) backend   exit 2
    │   ├── ContractError         a verb returned a wrong shape, dtype or count             exit 2
    │   └── BackendFailed         a user's own verb raised                                  exit 2
    └── RecordingFileError    a saved recording is damaged, foreign or of another schema    exit 2

A message says what was expected, what came, where, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class IsogradError(Exception):
    """The root: whatever isograd raises on purpose."""


class UsageError(IsogradError, ValueError):
    """Something the user typed or passed cannot be used."""


class ProblemUnavailable(IsogradError):
    """The package that holds a problem's data is not installed here."""


class BackendError(IsogradError):
    """A backend cannot take part."""


class BackendUnavailable(BackendError):
    """The framework of a backend is not installed here, or does not load."""


class BackendUnusable(BackendError):
    """A backend's file does not import, or does not hold exactly one backend class."""


class ContractError(BackendError):
    """A backend returned something that the interface does not allow."""


class BackendFailed(BackendError):
    """A verb of a user's own backend raised an exception."""


class RecordingFileError(IsogradError):
    """A file is not a whole, readable recording."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Word a suggestion for a misspelt name: ` Did you mean 'people16'?`, or nothing.

    Examples
    --------
    >>> nearest("people61", ["people4", "people16"])
    " Did you mean 'people16'?"
    >>> nearest("xyz", ["people4", "people16"])
    ''
    """
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""

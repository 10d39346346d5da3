"""What a check has to say besides having passed or failed, carried by its report.

Reports travel between processes, globals do not; so a note is plain data in `user_properties`.
"""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

PROPERTY = "conformance"

REFUSED, NOT_OFFERED, TOLD = "refused", "not offered", "told elsewhere"
"""Why a check was not made: the case is refused; there is nothing to check; another check tells."""


class Note:
    """Notes on one check of one backend, by name; they end up in the report of its test."""

    def __init__(self, item: pytest.Item, **said: str) -> None:
        self.said: dict[str, str] = said
        item.user_properties.append((PROPERTY, self.said))

    def skip(self, why: str, reason: str) -> NoReturn:
        """Skip the check and note why."""
        self.said |= {"why": why, "reason": reason}
        pytest.skip(f"{self.said['backend']}, {why}: {reason}")

    def hold(self, complaint: str) -> None:
        """Fail with a complaint and nothing around it, if there is one."""
        if complaint:
            self.said["complaint"] = complaint
            pytest.fail(complaint, pytrace=False)


def note_of(report: Any) -> dict[str, str] | None:
    """Return what was noted in a test, or None where it is none of these checks."""
    return next((said for name, said in report.user_properties if name == PROPERTY), None)

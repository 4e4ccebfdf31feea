"""What can go wrong: the exceptions of the C++ library, one to one, with the same text.

Absent, unavailable, damaged, conflict and outcome-unknown are different answers: a caller that
mistakes one for another loses data.
"""

from __future__ import annotations

import builtins


class StorageError(Exception):
    """Base of all exceptions of this package. Never holds a password or the text of a dialog."""

    def __init__(
        self,
        code: str,
        operation: str,
        key: str,
        detail: str,
        text: str,
        is_transient: bool = False,
        is_outcome_unknown: bool = False,
    ) -> None:
        super().__init__(
            code, operation, key, detail, text, is_transient, is_outcome_unknown
        )  # all of them, so that it can be pickled
        self.code = code
        """The frozen name of what went wrong: `key_not_found`, `timed_out` …"""
        self.operation = operation
        """The call that failed; may be empty."""
        self.key = key
        """The context's key, shortened and made printable; may be empty."""
        self.detail = detail
        """What exactly went wrong and what to do."""
        self.is_transient = is_transient
        """The same call may succeed later, and nothing was written."""
        self.is_outcome_unknown = is_outcome_unknown
        """A write may have happened: saving the same object again settles it."""
        self._text = text

    def __str__(self) -> str:
        return self._text


class KeyError(StorageError, builtins.KeyError):
    """No context is stored under the key."""


class ConflictError(StorageError):
    """The stored context is not what was loaded: someone saved, replaced or deleted it since."""


class FormatError(StorageError, ValueError):
    """Bytes that are not what they should be: JSON of the caller, or stored rows."""


class UriError(StorageError, ValueError):
    """The storage URI is wrong; the text names the part and the remedy, never the password."""


class TimeoutError(StorageError, builtins.TimeoutError):
    """The deadline passed: nothing was written (`timed_out`), or it is not known whether anything
    was (`outcome_unknown`)."""


_CLASSES: dict[str, type[StorageError]] = {
    "key_not_found": KeyError,
    "conflict": ConflictError,
    "history_changed": ConflictError,
    "gone": ConflictError,
    "already_exists": ConflictError,
    "invalid_json": FormatError,
    "corrupt": FormatError,
    "unsupported_format": FormatError,
    "invalid_uri": UriError,
    "timed_out": TimeoutError,
    "outcome_unknown": TimeoutError,
}


def error_of(
    code: str,
    operation: str,
    key: str,
    detail: str,
    text: str,
    is_transient: bool,
    is_outcome_unknown: bool,
) -> StorageError:
    """The exception for an error of the C++ library."""
    kind = _CLASSES.get(code, StorageError)
    return kind(code, operation, key, detail, text, is_transient, is_outcome_unknown)

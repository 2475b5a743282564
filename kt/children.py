"""The environment of programs that kt starts: what they need to run, and none of kt's secrets."""

from __future__ import annotations

from collections.abc import Mapping

PASSED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR"),
    *("XDG_*", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""Names that are handed on, in capitals or not; `*` stands for any ending. The desktop's are for
notify-send and its like, the network's for a messenger that is reached through a proxy."""


def child_environment(environ: Mapping[str, str], **more: str) -> dict[str, str]:
    """What a child gets of this environment, and `more`."""
    return {name: value for name, value in environ.items() if _passed(name.upper())} | more


def _passed(name: str) -> bool:
    return any(
        name.startswith(known[:-1]) if known.endswith("*") else name == known for known in PASSED
    )

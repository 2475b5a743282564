"""The environment of child processes: the variables they need to run, without kt's secrets."""

from __future__ import annotations

from collections.abc import Mapping

PASSED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR"),
    *("XDG_*", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""Names of the variables passed on, upper or lower case; a `*` at the end matches any suffix. The
desktop's are for notify-send and similar, the proxy's for messengers behind a proxy."""


def child_environment(environ: Mapping[str, str], **more: str) -> dict[str, str]:
    """The variables of `environ` that are passed on, and `more`."""
    return {name: value for name, value in environ.items() if _passed(name.upper())} | more


def _passed(name: str) -> bool:
    return any(
        name.startswith(known[:-1]) if known.endswith("*") else name == known for known in PASSED
    )

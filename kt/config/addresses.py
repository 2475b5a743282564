"""Validation of server addresses: allowed parts, and encryption."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from kt.config.model import ProfileConfig, ProfileName
from kt.errors import ConfigError

REST, STREAM = ("https", "http"), ("wss", "ws")
"""The encrypted scheme, and the plain one."""
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_NO_HOST = "has a host or a port that is none"
_PATH = re.compile(r"(/[A-Za-z0-9._~-]*)*")


def check_addresses(
    profiles: Mapping[ProfileName, ProfileConfig], named: Mapping[str, str], where: str
) -> None:
    """Raises ConfigError for an invalid or unencrypted address. `named` maps keys whose values come
    from the environment to the name of their variable."""
    for profile, server in profiles.items():
        for key, schemes in (("base_url", REST), ("ws_url", STREAM)):
            address = getattr(server, key)
            place = f"profiles.{profile}.{key}"
            if address:
                label = named.get(place) or f"{where}: {place}"
                refuse_bad_address(address, label, schemes, encrypted=profile != "sim")


def refuse_bad_address(
    address: str, key: str, schemes: tuple[str, str], *, encrypted: bool = False
) -> None:
    """Raises ConfigError, which names `key`, for an address that is invalid or has more than
    scheme, host, port and path; with `encrypted` also for an unencrypted one of another machine."""
    secure, plain = schemes
    usual = f"Write {secure}://host, {secure}://host:port, or those with a path."
    fault = _fault(address, schemes)
    if fault:
        raise ConfigError(f"{key}: the address {fault}", hint=usual)
    parts = urlsplit(address)
    if encrypted and parts.scheme == plain and not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"{key}: {plain}:// is not encrypted, and what is sent could be read on the way",
            hint=f"Write {secure}://{parts.netloc}{parts.path}. "
            f"{plain}:// is allowed only for this computer.",
        )


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _fault(address: str, schemes: tuple[str, str]) -> str:
    """What is wrong with the address, without quoting it: it may contain a password."""
    if not re.fullmatch(r"[\x21-\x7e]+", address) or "\\" in address:
        return "holds blanks or odd characters" if address else "is empty"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return _NO_HOST
    if parts.scheme not in schemes or not address.startswith(f"{parts.scheme}://"):
        return f"does not begin with {schemes[0]}://"
    faults = {
        "holds a user name or a password": "@" in parts.netloc,
        "holds a query or a fragment (? or #)": "?" in address or "#" in address,
        _NO_HOST: not _is_host(parts) or port == 0 or parts.netloc.endswith(":"),
        "has a path that holds odd characters": _PATH.fullmatch(parts.path) is None,
    }
    return next((words for words, true in faults.items() if true), "")


def _is_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if ":" not in host:
        return len(host) <= 253 and _NAME.fullmatch(host) is not None
    try:
        return bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False

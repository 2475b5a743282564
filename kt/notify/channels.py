"""The channels that notices are sent by: a command, a webhook, and any service of apprise."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kt.extras import pip_install
from kt.translation import tr

if TYPE_CHECKING:
    from datetime import datetime

    from kt.config.model import Notify

TIMEOUT = 10.0
"""Real seconds that a channel may take to deliver one notice."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the owner; `text` may be empty."""

    level: str
    title: str
    text: str
    at: datetime

    @property
    def line(self) -> str:
        return f"{self.level}: {self.title}. {self.text}".rstrip()

    @property
    def translated(self) -> Notice:
        """The notice as its reader gets it."""
        return replace(self, title=tr(self.title), text=tr(self.text))


@dataclass(frozen=True, slots=True)
class Channel:
    """`name` contains no secret part of an address. `send` returns why the delivery failed, or an
    empty text; it never raises and returns within `TIMEOUT`."""

    name: str
    send: Callable[[Notice], str]


def channels_of(settings: Notify, environ: Mapping[str, str]) -> tuple[Channel, ...]:
    """The configured channels. `environ` is the environment of the command: see kt/children.py."""
    found = []
    if settings.command:
        program = settings.command.split()[0].rpartition("/")[2]
        found.append(Channel(f"command {program}", partial(_run, settings.command, environ)))
    if settings.webhook:
        host = urlsplit(settings.webhook).hostname
        profile = environ.get("KT_PROFILE", "")
        found.append(Channel(f"webhook {host}", partial(_post, settings.webhook, profile)))
    found += [Channel(_service(url), partial(_apprise, url)) for url in settings.urls]
    return tuple(found)


def _run(command: str, environ: Mapping[str, str], notice: Notice) -> str:
    """Run the command in its own process group, which is killed after `TIMEOUT` with all child
    processes. Its output is discarded."""
    try:
        process = subprocess.Popen(
            shlex.split(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=environ,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return str(error)
    try:
        process.communicate(f"{notice.line}\n", timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"not done in {TIMEOUT:g} s"
    return f"it ended with {process.returncode}" if process.returncode else ""


def _post(url: str, profile: str, notice: Notice) -> str:
    """One POST with a JSON object: profile, level, title, text, at. Any 2xx is a success; a
    redirect is not followed, since its target has not been validated."""
    import httpx

    body = {
        "profile": profile,
        "level": notice.level,
        "title": notice.title,
        "text": notice.text,
        "at": notice.at.isoformat(timespec="seconds"),
    }
    try:
        with (
            httpx.Client(timeout=TIMEOUT / 2, follow_redirects=False) as client,
            client.stream("POST", url, json=body) as response,
        ):
            return "" if response.is_success else f"HTTP {response.status_code}"
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}".replace(url, "the webhook")


def _service(url: str) -> str:
    """The name of an apprise address: its scheme alone, as the rest may contain a token."""
    return f"apprise {url.partition(':')[0]}"


def _apprise(url: str, notice: Notice) -> str:
    try:
        return _by_apprise(url, notice)
    except ImportError:
        install = pip_install("notify")
        return f"notify.urls needs `{install}`"
    except Exception as error:  # noqa: BLE001 - a library may raise anything
        return type(error).__name__


def _by_apprise(url: str, notice: Notice) -> str:
    import apprise

    sender = apprise.Apprise()
    if not sender.add(url):
        return "apprise knows no such address"
    kinds = {"info": "info", "warning": "warning", "critical": "failure"}
    title = f"{notice.level}: {notice.title}"
    sent = sender.notify(
        title=title, body=notice.text or notice.title, notify_type=kinds[notice.level]
    )
    return "" if sent else "the service did not take it"

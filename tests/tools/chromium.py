"""A headless Chromium, driven through its DevTools protocol with the WebSocket client that kt has
anyway: pages are opened from files, looked at, photographed and printed."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
    "--remote-debugging-port=0",
)  # fmt: skip
START_SECONDS = 30.0


def found() -> str:
    """The path of a Chromium or Chrome; empty without one."""
    return next((path for path in map(shutil.which, NAMES) if path), "")


class Page:
    """One open page. `problems` are its console errors, exceptions and violations of its policy;
    `requests` every address that it asked for and was not refused."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._number = 0
        self._loaded = False
        self.problems: list[str] = []
        self._asked: dict[str, str] = {}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    @property
    def requests(self) -> list[str]:
        return [address for address in self._asked.values() if not address.startswith("data:")]

    def forget(self) -> None:
        """Forget the problems and requests so far."""
        self.problems.clear()
        self._asked.clear()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        self._socket.send(json.dumps(message))
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, path: Path, *, dark: bool = False, width: int = 1200, height: int = 900) -> None:
        """Open a file, and wait until it has run its scripts."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.resize(width, height)
        self._loaded = False
        self.call("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._next()
        self.frames(6)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives, as plain values."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def frames(self, count: int = 3) -> None:
        """Wait until so many frames were drawn."""
        self.value(
            f"new Promise(done => {{ let left = {count}; const next = () => left-- > 0 ?"
            " requestAnimationFrame(next) : done(); next(); })"
        )

    def picture(self, kind: str = "png") -> bytes:
        """What is seen, as png or webp."""
        self.frames()
        shot = self.call("Page.captureScreenshot", format=kind)
        return base64.b64decode(shot["data"])

    def printed(self) -> bytes:
        """A PDF of the page."""
        made = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return base64.b64decode(made["data"])

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv())
        params = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Page.javascriptDialogOpening":
                self.problems.append(f"a dialog: {params['message']}")
            case "Runtime.exceptionThrown":
                self.problems.append(json.dumps(params["exceptionDetails"])[:500])
            case "Runtime.consoleAPICalled" if params["type"] == "error":
                self.problems.append(json.dumps(params["args"])[:500])
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.problems.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self._asked[params["requestId"]] = params["request"]["url"]
            case "Network.loadingFailed" if params.get("blockedReason"):
                self._asked.pop(params["requestId"], None)
        return message


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """A browser with a profile of its own, ended with its processes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        line = [found(), *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            socket = create_connection(_address(Path(folder), process), suppress_origin=True)
            with contextlib.closing(socket):
                socket.settimeout(60)
                yield Page(socket)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait()


def _address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """The address of the first page, once the browser has written its port."""
    from urllib.request import urlopen

    file, ends = folder / "DevToolsActivePort", time.monotonic() + START_SECONDS
    while not (file.exists() and file.read_text().count("\n")):
        if process.poll() is not None or time.monotonic() > ends:
            raise RuntimeError(f"{found()} does not start")
        time.sleep(0.05)
    port = file.read_text().split("\n")[0]
    with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
        pages = json.load(answer)
    return str(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"))

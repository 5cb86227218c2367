"""Headless Chromium over its debugging pipe: JSON messages that end in a zero byte, no library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE_S = 60.0


class Browser:
    """One browser with one page and no network."""

    def __init__(self):
        self._profile = Path(tempfile.mkdtemp(prefix="woundseg-chromium-"))
        command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        self._in, self._out, self._process = _start(command)
        self._number, self._rest, self.events = 0, b"", []
        (page,) = (
            target
            for target in self._send("Target.getTargets")["targetInfos"]
            if target["type"] == "page"
        )
        attached = self._send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        nothing = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", offline=True, **nothing)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._in)
        os.close(self._out)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **params):
        """A command to the page; gives its result."""
        return self._send(method, self._session, **params)

    def size(self, width: int, height: int = 900, sharp: float = 1.0, phone: bool = False):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=sharp, mobile=phone,
        )  # fmt: skip

    def media(self, scheme: str = "light", kind: str = ""):
        """Light or dark; ``kind`` is ``print`` for paper."""
        feature = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=kind, features=feature)

    def scripts(self, allowed: bool):
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def open(self, path: Path):
        """Loads a file and waits until it has been laid out."""
        self.events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait_for_page()

    def wait_for_page(self):
        """Waits for a page that was asked for; ``events`` were cleared before."""
        self._until(lambda: [self._read()] and self._seen("Page.loadEventFired"))
        self._settle()

    def ask(self, expression: str):
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def click(self, selector: str):
        """A click of the mouse in an element's middle, as a person does it."""
        self.ask(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = self.ask(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def requests(self) -> list[str]:
        """Addresses that the page asked for, itself among them; data: is no request."""
        sent = [e["params"]["request"]["url"] for e in self._all("Network.requestWillBeSent")]
        return [url for url in sent if not url.startswith("data:")]

    def complaints(self) -> list[str]:
        """Errors and warnings on the console, and exceptions."""
        told = [e["params"]["entry"]["text"] for e in self._all("Log.entryAdded")]
        told += [json.dumps(e["params"]["args"]) for e in self._all("Runtime.consoleAPICalled")]
        told += [json.dumps(e["params"]) for e in self._all("Runtime.exceptionThrown")]
        return told

    def picture(self, path: Path, whole: bool = False, scroll: int = 0):
        """A screenshot as PNG."""
        self.ask(f"window.scrollTo(0, {scroll})")
        self._settle()
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def paper(self) -> bytes:
        """The page as PDF."""
        printed = self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        return base64.b64decode(printed["data"])

    def _settle(self):
        """A picture waits for the layout; what the page asked for and told has come by then."""
        self.call("Page.captureScreenshot", format="jpeg", quality=1)

    def _all(self, method: str) -> list[dict]:
        return [event for event in self.events if event["method"] == method]

    def _seen(self, method: str) -> bool:
        return bool(self._all(method))

    def _send(self, method: str, session: str = "", **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        answers = []

        def answered():
            answers.extend(m for m in self._read() if m.get("id") == message["id"])
            return bool(answers)

        self._until(answered)
        if "error" in answers[0]:
            raise AssertionError(f"{method}: {answers[0]['error']}")
        return answers[0]["result"]

    def _until(self, done):
        end = time.monotonic() + PATIENCE_S
        while not done():
            if time.monotonic() > end:
                raise AssertionError("Chromium does not answer")

    def _read(self) -> list[dict]:
        """Messages that have arrived; events among them are kept."""
        ready, _, _ = select.select([self._out], [], [], 0.1)
        if not ready:
            return []
        part = os.read(self._out, 1 << 20)
        if not part:
            raise AssertionError("Chromium has ended")
        *whole, self._rest = (self._rest + part).split(b"\0")
        messages = [json.loads(message) for message in whole]
        self.events += [message for message in messages if "method" in message]
        return messages


def _start(command: list[str]):
    """Chromium with its pipe on descriptors 3 (commands) and 4 (answers)."""
    child_in, ours_in = os.pipe()
    ours_out, child_out = os.pipe()
    # Moved by a shell: only there may descriptors 3 and 4 be taken whatever holds them here.
    moved = f'exec "$@" 3<&{child_in} 4>&{child_out}'
    process = subprocess.Popen(
        ["/bin/bash", "-c", moved, "bash", *command],
        pass_fds=(child_in, child_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(child_in)
    os.close(child_out)
    return ours_in, ours_out, process

# SPDX-License-Identifier: MIT
"""Chromium without a window, and one page in it, by the DevTools protocol over a pipe:
https://chromedevtools.github.io/devtools-protocol/. SCREENSHOTS=DIRECTORY keeps its pictures."""
import base64
import json
import os
import subprocess

from harness import scratch

OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"
    " --disable-extensions --remote-debugging-pipe"
)
SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Browser:
    """`with` ends it."""

    def __init__(self):
        to_read, self.requests = os.pipe()
        self.responses, to_write = os.pipe()
        options = f"{OPTIONS} --user-data-dir={scratch('chromium')} 3<&{to_read} 4>&{to_write}"
        command = "bash", "-c", "exec chromium " + options
        env = {**os.environ, "HOME": scratch()}
        self.process = subprocess.Popen(command, pass_fds=[to_read, to_write], env=env, **SILENT)
        os.close(to_read)
        os.close(to_write)
        self.calls, self.received, self.session = 0, b"", None
        self.complaints = []  # exceptions, and what it writes to its log
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in "Runtime", "Log", "Page":
            self.call(domain + ".enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    # ---- the protocol ----

    def next_message(self):
        while b"\0" not in self.received:
            part = os.read(self.responses, 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            self.received += part
        text, self.received = self.received.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.calls += 1
        request = {"id": self.calls, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.requests, json.dumps(request).encode() + b"\0")
        while True:
            message = self.next_message()
            if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(message["params"])
            if message.get("id") == self.calls:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message["result"]

    def run(self, script):
        """The value of an expression in the page."""
        options = {"awaitPromise": True, "returnByValue": True}
        result = self.call("Runtime.evaluate", expression=script, **options)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    # ---- the page ----

    def open(self, url):
        self.call("Page.navigate", url=url)

    def text(self, name):
        return self.run(f"document.getElementById({json.dumps(name)})?.innerText ?? ''")

    def press(self, name, code, text=""):
        """Presses and releases a key."""
        for kind in "keyDown", "keyUp":
            typed = text if kind == "keyDown" else ""
            parameters = {"type": kind, "key": name, "windowsVirtualKeyCode": code, "text": typed}
            self.call("Input.dispatchKeyEvent", **parameters)

    def click(self, selector):
        x, y = self.run(
            f"""(() => {{
                const element = document.querySelector({json.dumps(selector)});
                element.scrollIntoView();
                const box = element.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        for kind in "mousePressed", "mouseReleased":
            parameters = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", **parameters)

    def resize(self, width, height):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def use_dark_colours(self, dark):
        features = [{"name": "prefers-color-scheme", "value": "dark"}] if dark else []
        self.call("Emulation.setEmulatedMedia", features=features)

    def take_picture(self, name):
        directory = os.environ.get("SCREENSHOTS")
        if directory:
            options = {"format": "png", "captureBeyondViewport": True}
            data = self.call("Page.captureScreenshot", **options)["data"]
            with open(os.path.join(directory, name + ".png"), "wb") as file:
                file.write(base64.b64decode(data))

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The daemon's page in a real browser: Chromium without a window, driven through its debugging pipe.

SCREENSHOTS=DIRECTORY keeps a picture of it, wide, narrow and dark."""
import base64
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from snowidd import WORK, Daemon, check, equal, main, until  # noqa: E402 pylint: disable=wrong-import-position


class Browser:
    """Chromium, and one page in it, by the DevTools protocol over a pipe."""

    def __init__(self):
        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()
        command = ("exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions "
                   f"--remote-debugging-pipe --user-data-dir={WORK}/chromium 3<&{to_read} 4>&{to_write}")
        self.process = subprocess.Popen(["bash", "-c", command], pass_fds=[to_read, to_write], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        env={**os.environ, "HOME": WORK})
        os.close(to_read)
        os.close(to_write)
        self.count, self.rest, self.session, self.complaints = 0, b"", None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Runtime.enable")
        self.call("Log.enable")
        self.call("Page.enable")

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                part = os.read(self.back, 1 << 20)
                if not part:
                    raise RuntimeError("the browser has ended")
                self.rest += part
            text, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(answer["params"])
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer["result"]

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def text(self, name):
        return self.run(f"document.getElementById({json.dumps(name)})?.innerText ?? ''")

    def key(self, name, code, text=""):
        for kind in "keyDown", "keyUp":
            self.call("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, text=text if kind == "keyDown" else "")

    def click(self, selector):
        x, y = self.run(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView(); const r = e.getBoundingClientRect(); "
                        "return [r.x + r.width / 2, r.y + r.height / 2]; })()")
        for kind in "mousePressed", "mouseReleased":
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def picture(self, name):
        directory = os.environ.get("SCREENSHOTS")
        if directory:
            data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
            with open(os.path.join(directory, name + ".png"), "wb") as file:
                file.write(base64.b64decode(data))

    def end(self):
        self.process.kill()
        self.process.wait()


def page():
    browser = Browser()
    try:
        with Daemon("--kinds", "snowflake orders=time:41,region:3,worker:7,sequence:12 ulid", "--worker-id", "5", "--block", "100ms") as d:
            browse(browser, d)
    finally:
        browser.end()


def browse(browser, d):
    browser.size(1100, 900)
    browser.call("Page.navigate", url=f"http://127.0.0.1:{d.port}/")
    check(until(lambda: browser.text("status") == "healthy", "the state"), "the page shows that the daemon is healthy", browser.text("status"))
    state = browser.text("state")
    check("drift" in state and "file:" in state, "state of clock and store", state)
    check("worker 5" in browser.text("node"), "the worker", browser.text("node"))
    layouts = browser.text("layouts")
    check(all(x in layouts for x in ("datacenter", "5 bits", "region", "3 bits", "ulid")), "the layouts", layouts)
    colours = browser.run("[...document.querySelectorAll('#layouts .kind:first-child .bits div')].map(e => getComputedStyle(e).backgroundColor)")
    equal((len(colours), len(set(colours))), (4, 4), "each field has a colour")
    for _ in range(30):
        d.ask("/api/v1/ids?count=1000")
    check(until(lambda: re.sub(r"\D", "", browser.text("total")).startswith("3"), "the count"), "IDs are counted live", browser.text("total"))
    check(until(lambda: browser.run("document.getElementById('line').getAttribute('d').split('L').length") > 2, "the graph"), "the rate is drawn")

    # By mouse.
    browser.click("#new")
    check(until(lambda: "worker_id\n5" in browser.text("answer"), "the parts"), "a click makes an ID, and shows its parts", browser.text("answer"))
    # By keyboard alone: from the box to the answer.
    made = (123456789 << 22) | (3 << 17) | (21 << 12) | 42
    browser.run("(() => { const e = document.getElementById('id'); e.value = ''; e.focus(); })()")
    browser.call("Input.insertText", text=f" {made} ")
    browser.key("Enter", 13, "\r")
    check(until(lambda: "2021-01-02T10:17:36.789Z" in browser.text("answer"), "the time"), "an ID that is typed is decoded", browser.text("answer"))
    check(all(x in browser.text("answer") for x in (str(made), "datacenter_id\n3", "worker_id\n21", "sequence\n42")), "to the last bit", browser.text("answer"))
    browser.picture("wide")
    for text, part in [("01ARYZ6S41TSV4RRFFQ69G5FAV", "2016-07-30T22:36:16.385Z"), ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "2022-02-22T19:22:22.000Z"),
                       ("<b>nonsense</b>", "byte 0")]:
        browser.run("document.getElementById('id').value = ''; document.getElementById('id').focus()")
        browser.call("Input.insertText", text=text)
        browser.click("#decode button")
        check(until(lambda part=part: part in browser.text("answer"), part), f"decoded: {text}", browser.text("answer"))
    reached = []
    browser.run("document.activeElement.blur()")
    for _ in range(8):
        browser.key("Tab", 9)
        reached.append(browser.run("document.activeElement.id || document.activeElement.innerText || document.activeElement.tagName"))
    check({"id", "kind", "Decode", "new", "metrics"} <= set(reached), "all can be reached by keyboard", reached)

    browser.size(360, 740)
    check(browser.run("document.documentElement.scrollWidth <= 360"), "fits a phone", browser.run("document.documentElement.scrollWidth"))
    browser.picture("phone")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.picture("phone-dark")
    wanted = [c for c in browser.complaints if "nonsense" not in json.dumps(c)]
    equal(wanted, [], "the browser does not complain")
    d.process.kill()
    check(until(lambda: browser.text("status") == "no answer", "the end"), "a daemon that has gone is shown")


if __name__ == "__main__":
    if not shutil.which("chromium"):
        print("skipped: there is no chromium")
        sys.exit(77)
    sys.exit(main([page]))

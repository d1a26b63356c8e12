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
from daemon import WORK, Daemon, check, equal, main, until  # noqa: E402 pylint: disable=wrong-import-position


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
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

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
        with Daemon("--kinds", "snowflake orders=time:41,region:3,worker:7,sequence:12 ulid", "--worker-id", "5", "--block", "500ms") as d:
            looks(browser, d)
            mouse_and_keyboard(browser, d)
            screens(browser)
            wanted = [c for c in browser.complaints if "api/v1/parse" not in json.dumps(c)]
            equal(wanted, [], "the browser does not complain")
            d.process.kill()
            check(until(lambda: browser.text("status") == "no answer", "the end"), "a daemon that has gone is shown")
            browser.click("#new")
            check(until(lambda: "does not answer" in browser.text("answer"), "the error"), "and so it is where an ID is asked for")
            browser.picture("gone")
        refusal(browser)
    finally:
        browser.end()


def looks(browser, d):
    status, headers, body = d.ask("/")
    policy = headers["Content-Security-Policy"]
    check(status == 200 and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, "a policy forbids all that is foreign", policy)
    equal(re.findall(rb"(?:src|href)=\"(?!data:|api/|metrics|openapi)[^\"]*\"|@import|url\(", body), [], "nothing is fetched from elsewhere")
    browser.size(1100, 900)
    browser.call("Page.navigate", url=f"http://127.0.0.1:{d.port}/")
    check(until(lambda: browser.text("status") == "healthy", "the state"), "the page shows that the daemon is healthy", browser.text("status"))
    check("drift" in browser.text("clock") and browser.text("clock-state") in ("synchronised", "not synchronised"), "state of the clock", browser.text("clock"))
    check(browser.text("store-state") == "renewed" and "file:" in browser.text("store") and "s ahead" in browser.text("store"), "state of the store", browser.text("store"))
    check("worker 5" in browser.text("node"), "the worker", browser.text("node"))
    layouts = browser.text("layouts")
    check(all(x in layouts for x in ("datacenter", "5 bits", "region", "3 bits", "ulid", "80 bits")), "the layouts", layouts)
    colours = browser.run("[...document.querySelectorAll('#layouts .kind:first-child .bits div')].map(e => getComputedStyle(e).backgroundColor)")
    equal((len(colours), len(set(colours))), (4, 4), "each field has a colour")
    for _ in range(30):
        d.ask("/api/v1/ids?count=1000")
    check(until(lambda: re.sub(r"\D", "", browser.text("total")).startswith("3"), "the count"), "IDs are counted live", browser.text("total"))
    check(until(lambda: browser.run("document.getElementById('line').getAttribute('d').split('L').length") > 2, "the graph"), "the rate is drawn")


def type_in(browser, text):
    browser.run("(() => { const e = document.getElementById('id'); e.value = ''; e.focus(); document.getElementById('answer').replaceChildren(); })()")
    browser.call("Input.insertText", text=text)


def mouse_and_keyboard(browser, d):
    browser.click("#new")
    check(until(lambda: "worker_id\n5" in browser.text("answer"), "the parts"), "a click makes an ID, and shows its parts", browser.text("answer"))
    # By keyboard alone: from the box to the answer.
    made = (123456789 << 22) | (3 << 17) | (21 << 12) | 42
    type_in(browser, f" {made} ")
    browser.key("Enter", 13, "\r")
    check(until(lambda: "2021-01-02T10:17:36.789Z" in browser.text("answer"), "the time"), "an ID that is typed is decoded", browser.text("answer"))
    check(all(x in browser.text("answer") for x in (str(made), "datacenter_id\n3", "worker_id\n21", "sequence\n42")), "to the last bit", browser.text("answer"))
    equal(int(browser.run("document.querySelector('.binary').textContent"), 2), made, "which are shown")
    browser.picture("wide")
    for text, part in [("01ARYZ6S41TSV4RRFFQ69G5FAV", "2016-07-30T22:36:16.385Z"), ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "2022-02-22T19:22:22.000Z"),
                       ("<b>nonsense</b>", "byte 0"), ("", "Paste an ID first")]:
        type_in(browser, text)
        browser.click("#decode button")
        check(until(lambda part=part: part in browser.text("answer"), part), f"decoded: {text or 'nothing'}", browser.text("answer"))
        if text.startswith("01"):
            whole = int(text.replace("-", ""), 16) if "-" in text else sum("0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(c) << 5 * i for i, c in enumerate(text[::-1]))
            equal(int(browser.run("document.querySelector('.binary').textContent"), 2), whole, "with all of its bits")
    type_in(browser, "")
    browser.run(f"(() => {{ const e = document.getElementById('id'); e.value = '{made}'; e.dispatchEvent(new Event('paste')); }})()")
    check(until(lambda: "sequence\n42" in browser.text("answer"), "the parts"), "what is pasted is decoded at once", browser.text("answer"))
    # Of another kind, chosen by keyboard.
    browser.run("document.getElementById('kind').focus()")
    browser.key("ArrowDown", 40)
    check(until(lambda: "region_id" in browser.text("answer"), "the kind"), "and read as another kind", browser.text("answer"))
    outlined = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
    reached, hidden = [], []
    browser.call("Page.reload")
    until(lambda: browser.text("status") == "healthy" and not browser.run("document.getElementById('kind').hidden"), "the page")
    for _ in range(7):
        browser.key("Tab", 9)
        reached.append(browser.run("document.activeElement.id || document.activeElement.innerText"))
        hidden += [] if until(lambda: browser.run(outlined), "the focus") else reached[-1:]
    equal(reached, ["id", "kind", "Decode", "new", "health", "metrics", "API"], "all is reached by keyboard, in the order in which it is read")
    equal(hidden, [], "and the focus is seen")
    equal(browser.run("[...document.querySelectorAll('input, select, button')].filter(e => !e.labels?.length && !e.ariaLabel && !e.innerText).length"), 0, "each has a label")
    check(d.process.poll() is None, "the daemon has seen it all")


# Of all text: the contrast to what is behind it (WCAG 2.2, 1.4.3).
FAINT = """(() => {
    const rgb = c => c.match(/[0-9.]+/g).map(Number), lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b; };
    const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
    return [...document.querySelectorAll('body *')].filter(e => e.offsetParent && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
        const [a, b] = [lum(rgb(getComputedStyle(e).color).slice(0, 3)), lum(behind(e))].sort((x, y) => y - x);
        return [e.outerHTML.slice(0, 60), (a + .05) / (b + .05)]; }).filter(x => x[1] < 4.5); })()"""


def screens(browser):
    equal(browser.run(FAINT), [], "all text stands out")
    browser.size(360, 740)
    check(browser.run("document.documentElement.scrollWidth <= 360"), "fits a phone", browser.run("document.documentElement.scrollWidth"))
    browser.picture("phone")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    equal(browser.run(FAINT), [], "all text stands out in the dark")
    browser.picture("phone-dark")
    browser.size(1100, 900)
    browser.picture("wide-dark")


def refusal(browser):
    """A node that another one is: it refuses, and says why."""
    browser.call("Emulation.setEmulatedMedia", features=[])
    with Daemon("--worker-id", "5", "--block", "100ms") as first, Daemon("--worker-id", "5", "--block", "100ms", "--store", f"file:{WORK}/twin", "--clock-interval", "100ms",
                                                                      "--peers", f"127.0.0.1:{first.port}") as d:
        until(lambda: d.ask("/api/v1/health")[0] == 503, "the refusal")
        browser.call("Page.navigate", url=f"http://127.0.0.1:{d.port}/")
        check(until(lambda: browser.text("status") == "unhealthy", "the refusal"), "a daemon that refuses is shown", browser.text("status"))
        check("has the same" in browser.text("reason"), "with the reason", browser.text("reason"))
        browser.click("#new")
        check(until(lambda: "same worker" in browser.text("answer"), "the refusal"), "and it makes no ID", browser.text("answer"))
        browser.picture("refusing")


if __name__ == "__main__":
    if not shutil.which("chromium"):
        print("skipped: there is no chromium")
        sys.exit(77)
    sys.exit(main([page]))

#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The daemon's page in a real browser."""
import json
import re

from browser import Browser
from harness import (
    Daemon,
    check,
    equal,
    run_tests,
    scratch,
    skip_unless_found,
    wait_for,
    write_secret,
)

# Composed by hand: 41/5/5/12 bits since 2021.
MADE = (123456789 << 22) | (3 << 17) | (21 << 12) | 42
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# What is typed, and a part of what is shown.
TYPED = [
    ("01ARYZ6S41TSV4RRFFQ69G5FAV", "2016-07-30T22:36:16.385Z"),
    ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "2022-02-22T19:22:22.000Z"),
    ("<b>nonsense</b>", "byte 1"),
    ("", "Paste an ID first"),
]
CONTROLS = ["id", "kind", "Decode", "new", "health", "metrics", "API"]
TOKEN = "correct-horse-battery-staple"
# A published ID of each, with a part of what it says (tests/vectors/layouts.tsv, and shifting).
OF_OTHERS = [
    ("twitter", 1541815603606036480, "2022-06-28T16:07:40.105Z"),
    ("discord", 175928847299117063, "2016-04-30T11:18:25.796Z"),
    ("instagram", 5 << 23, "2011-08-24T21:07:01.726Z"),
    ("sonyflake", 1 << 24, "2014-09-01T00:00:00.010Z"),
    ("js53", 1000 << 12, "2021-01-01T00:00:01.000Z"),
]
COLOURS = """[...document.querySelectorAll('#layouts .kind:first-child .bits div')]
    .map(e => getComputedStyle(e).backgroundColor)"""
UNLABELLED = """[...document.querySelectorAll('input, select, button')]
    .filter(e => !e.labels?.length && !e.ariaLabel && !e.innerText).length"""
FOREIGN = rb"(?:src|href)=\"(?!data:|api/|metrics|openapi)[^\"]*\"|@import|url\("
# All text whose contrast to what is behind it is less than WCAG 2.2, 1.4.3 wants.
FAINT = """(() => {
    const rgb = colour => colour.match(/[0-9.]+/g).map(Number);
    const luminance = colour => {
        const [r, g, b] = colour.map(value => value / 255)
            .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const behind = e => {
        for (; e; e = e.parentElement) {
            const colour = rgb(getComputedStyle(e).backgroundColor);
            if (colour.length < 4 || colour[3] > 0)
                return colour.slice(0, 3);
        }
        return [255, 255, 255];
    };
    const contrast = e => {
        const own = rgb(getComputedStyle(e).color).slice(0, 3);
        const [high, low] = [luminance(own), luminance(behind(e))].sort((x, y) => y - x);
        return (high + .05) / (low + .05);
    };
    const hasText = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    return [...document.querySelectorAll('body *')].filter(e => e.offsetParent && hasText(e))
        .map(e => [e.outerHTML.slice(0, 60), contrast(e)]).filter(x => x[1] < 4.5);
})()"""


def check_shown(browser, name, part, what):
    """Checks that an element comes to have a text."""
    shown = wait_for(lambda: part in browser.text(name), part)
    check(shown, what, browser.text(name))


def open_page(browser, daemon):
    browser.open(f"http://127.0.0.1:{daemon.port}/")


def test_page():
    kinds = "snowflake orders=time:41,region:3,worker:7,sequence:12 ulid"
    options = "--kinds", kinds, "--worker-id", "5", "--reserve", "500ms", "--hold", "160ms"
    with Browser() as browser:
        with Daemon(*options) as daemon:
            check_policy(daemon)
            browser.resize(1100, 900)
            open_page(browser, daemon)
            check_state(browser)
            check_rate(browser, daemon)
            check_decoding(browser)
            check_others(browser)
            check_copying(browser)
            check_keyboard(browser)
            check(daemon.process.poll() is None, "the daemon still runs")
            check_screens(browser)
            complaints = [c for c in browser.complaints if "api/v1/parse" not in json.dumps(c)]
            equal(complaints, [], "the browser does not complain")
            check_daemon_that_ends(browser, daemon)
        check_refusal(browser)


def check_policy(daemon):
    status, headers, body = daemon.request("/")
    policy = headers["Content-Security-Policy"]
    good = status == 200 and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    check(good, "a policy forbids everything from elsewhere", policy)
    equal(re.findall(FOREIGN, body), [], "the page refers to nothing elsewhere")


def check_state(browser):
    check_shown(browser, "status", "healthy", "the page shows that the daemon is healthy")
    clock, state = browser.text("clock"), browser.text("clock-state")
    good = "may be wrong by" in clock and state in ("synchronised", "not synchronised")
    check(good, "the page shows the state of the clock", clock)
    for synchronised, error_ms in (False, "5"), (True, "undefined"), (True, "5"):
        known = f"health.clock.measured_by = 'kernel'; health.clock.synchronised = {synchronised}"
        known += f"; health.clock.estimated_error_ms = {error_ms}"
        # In one expression, so that the page does not refresh in between.
        draw = "; drawClock(); document.getElementById('clock').innerText"
        shown = browser.run(known.replace("True", "true").replace("False", "false") + draw)
        is_known = synchronised and error_ms == "5"
        what = "says what is" if is_known else "does not make up what is not"
        equal(shown.count("unknown"), 0 if is_known else 2, f"the page {what} known of the clock")
    store, state = browser.text("store"), browser.text("store-state")
    good = state == "works" and "the file /" in store and "IDs for" in store
    check(good, "the page shows the state of the store", store)
    shown = browser.run("place('etcd://a:2379,b:2379/ids?ttl=10s')")
    equal(shown, "etcd at a:2379, b:2379, /ids", "the page has words for a coordinator")
    check("worker 5" in browser.text("node"), "the page shows the worker", browser.text("node"))
    layouts = browser.text("layouts")
    parts = "datacenter", "5 bits", "region", "3 bits", "ulid", "80 bits"
    check(all(part in layouts for part in parts), "the page shows the layouts", layouts)
    colours = browser.run(COLOURS)
    equal((len(colours), len(set(colours))), (4, 4), "each field of a layout has its colour")


def check_rate(browser, daemon):
    for _ in range(30):
        daemon.request("/api/v1/ids?count=1000")

    def is_counted():
        return re.sub(r"\D", "", browser.text("total")).startswith("3")

    counted = wait_for(is_counted, "the count")
    check(counted, "the page counts IDs while they are made", browser.text("total"))
    points = "document.getElementById('line').getAttribute('d').split('L').length"
    check(wait_for(lambda: browser.run(points) > 2, "the graph"), "the page draws the rate")


def enter(browser, text):
    """Puts a text into the box for an ID."""
    browser.run(
        """(() => {
            const box = document.getElementById('id');
            box.value = '';
            box.focus();
            document.getElementById('answer').replaceChildren();
        })()"""
    )
    browser.call("Input.insertText", text=text)


def shown_bits(browser):
    return int(browser.run("document.querySelector('.binary').textContent"), 2)


def check_decoding(browser):
    browser.click("#new")
    check_shown(browser, "answer", "worker\n5", "a click makes an ID and shows its fields")
    enter(browser, f" {MADE} ")
    browser.press("Enter", 13, "\r")
    time = "2021-01-02T10:17:36.789Z"
    check_shown(browser, "answer", time, "an ID that is typed is decoded, without a mouse")
    fields = str(MADE), "datacenter\n3", "worker\n21", "number within the tick\n42"
    answer = browser.text("answer")
    check(all(field in answer for field in fields), "each field of an ID is shown", answer)
    equal(shown_bits(browser), MADE, "each bit of an ID is shown")
    browser.take_picture("wide")
    for text, part in TYPED:
        enter(browser, text)
        browser.click("#decode button")
        check_shown(browser, "answer", part, f"the page decodes {text or 'nothing'}")
        if text.startswith("01"):
            equal(shown_bits(browser), value_of(text), f"each bit of {text} is shown")
    enter(browser, "")
    browser.run(
        f"""(() => {{
            const box = document.getElementById('id');
            box.value = '{MADE}';
            box.dispatchEvent(new Event('paste'));
        }})()"""
    )
    check_shown(browser, "answer", "tick\n42", "an ID that is pasted is decoded at once")


def check_others(browser):
    """IDs of presets that the daemon does not serve."""
    for name, number, part in OF_OTHERS:
        browser.run(f"document.getElementById('kind').value = '{name}'")
        enter(browser, str(number))
        browser.click("#decode button")
        check_shown(browser, "answer", part, f"the page decodes IDs of {name}")
    browser.run("document.getElementById('kind').selectedIndex = 0")
    enter(browser, str(MADE))
    browser.click("#decode button")
    check_shown(browser, "answer", "2021-01-02T10:17:36.789Z", "the kind of the daemon is back")


def check_copying(browser):
    """What is copied is pasted into the box. On plain HTTP from elsewhere, and without permission,
    there is no clipboard API."""
    without = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
    for what, prepare in ("its API", "0"), ("without its API", without):
        browser.run(prepare)
        browser.run("window.copied = ''")
        browser.run(
            """document.addEventListener('copy', () => {
                window.copied = document.activeElement.value;
            })"""
        )
        browser.run("document.getElementById('copy').textContent = 'Copy'")
        browser.click("#copy")
        check_shown(browser, "copy", "Copied", f"an ID is copied, {what}")
    equal(browser.run("window.copied"), str(MADE), "the text of the ID is copied")


def test_token():
    token = "--token-file", write_secret("token", TOKEN + "\n")
    with Browser() as browser, Daemon("--worker-id", "5", *token) as daemon:
        open_page(browser, daemon)
        hidden = "document.getElementById('login')?.hidden ?? true"
        asks = wait_for(lambda: not browser.run(hidden), "the question")
        check(asks, "the page asks for a token")
        enter_token(browser, "a-token-that-is-wrong")
        check_shown(browser, "token-answer", "not a token", "a wrong token is refused")
        browser.take_picture("token")
        enter_token(browser, TOKEN)
        check_shown(browser, "status", "healthy", "with the token the page shows the state")
        check(browser.run(hidden), "the page no longer asks")
        browser.click("#new")
        check_shown(browser, "answer", "worker\n5", "with the token the page makes an ID")
        browser.call("Page.reload")
        check_shown(browser, "status", "healthy", "the tab keeps the token")
        kept = "[localStorage.length, document.cookie, sessionStorage.length].join()"
        equal(browser.run(kept), "0,,1", "nothing else keeps it")


def enter_token(browser, token):
    browser.run("document.getElementById('token').value = ''")
    browser.run("document.getElementById('token').focus()")
    browser.call("Input.insertText", text=token)
    browser.press("Enter", 13, "\r")


def value_of(text):
    """The number that a UUID or a ULID is."""
    if "-" in text:
        return int(text.replace("-", ""), 16)
    return sum(BASE32.index(c) << 5 * i for i, c in enumerate(reversed(text)))


def check_keyboard(browser):
    browser.run("document.getElementById('kind').focus()")
    browser.press("ArrowDown", 40)
    check_shown(browser, "answer", "region", "an ID is decoded again when another kind is chosen")

    def is_ready():
        hidden = browser.run("document.getElementById('kind')?.hidden ?? true")
        return browser.text("status") == "healthy" and not hidden

    browser.call("Page.reload")
    wait_for(is_ready, "the page")
    outlined = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
    reached, without_outline = [], []
    for _ in CONTROLS:
        browser.press("Tab", 9)
        name = browser.run("document.activeElement.id || document.activeElement.innerText")
        reached.append(name)
        if not wait_for(lambda: browser.run(outlined), "the focus"):
            without_outline.append(name)
    equal(reached, CONTROLS, "Tab reaches every control, in the order in which they are read")
    equal(without_outline, [], "the control that has the focus is outlined")
    equal(browser.run(UNLABELLED), 0, "every control has a label")


def check_screens(browser):
    equal(browser.run(FAINT), [], "all text has enough contrast")
    browser.resize(360, 740)
    width = browser.run("document.documentElement.scrollWidth")
    check(width <= 360, "the page fits the screen of a phone", width)
    browser.take_picture("phone")
    browser.use_dark_colours(True)
    equal(browser.run(FAINT), [], "all text has enough contrast in dark colours")
    browser.take_picture("phone-dark")
    browser.resize(1100, 900)
    browser.take_picture("wide-dark")
    browser.use_dark_colours(False)


def check_daemon_that_ends(browser, daemon):
    daemon.process.kill()
    check_shown(browser, "status", "no answer", "the page shows that the daemon does not answer")
    browser.click("#new")
    what = "a click for an ID shows that the daemon does not answer"
    check_shown(browser, "answer", "does not answer", what)
    browser.take_picture("gone")


def check_refusal(browser):
    """The page of a daemon that refuses to make IDs, because a peer has the same worker."""
    options = "--worker-id", "5", "--reserve", "100ms", "--hold", "30ms"
    store = "--store", "file:" + scratch("twin"), "--clock-interval", "100ms"
    with Daemon(*options) as first:
        with Daemon(*options, *store, "--peers", f"127.0.0.1:{first.port}") as daemon:
            wait_for(lambda: daemon.status("/api/v1/health") == 503, "the refusal")
            open_page(browser, daemon)
            check_shown(browser, "status", "unhealthy", "the page shows that the daemon refuses")
            check_shown(browser, "reason", "has the same", "the page shows the reason of a refusal")
            browser.click("#new")
            check_shown(browser, "answer", "same worker", "a click for an ID shows the refusal")
            browser.take_picture("refusing")


if __name__ == "__main__":
    skip_unless_found("chromium")
    run_tests(globals())

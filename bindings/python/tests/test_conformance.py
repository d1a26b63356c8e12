# SPDX-License-Identifier: MIT
"""Runs the cases of tests/conformance; see the README there."""

import json
import os
import pathlib
import unittest
import uuid
from fractions import Fraction
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import snowid
from snowid import _snowid
from snowid._time import span_ns

Id = Union[int, snowid.ULID, snowid.UUID]
VARIANTS = {
    uuid.RESERVED_NCS: "ncs",
    uuid.RFC_4122: "rfc9562",
    uuid.RESERVED_MICROSOFT: "microsoft",
    uuid.RESERVED_FUTURE: "future",
}


def parse_id_of_kind(kind: str, text: str) -> Id:
    if kind == "ulid":
        return snowid.ULID(text)
    if kind.startswith("uuid"):
        return snowid.UUID.parse(text)
    return snowid.parse_id(text, "decimal")


def id_at(which: str, kind: str, *instant: str, **ns: int) -> Id:
    if kind == "ulid":
        return getattr(snowid.ULID, which)(*instant, **ns)
    if kind.startswith("uuid"):
        return getattr(snowid.UUID, which)(int(kind[4]), *instant, **ns)
    return getattr(snowid.Layout(kind), which)(*instant, **ns)


def first_and_last(kind: str, *period: Any) -> Tuple[Id, Id]:
    if kind == "ulid":
        return snowid.ULID.range(*period)
    if kind.startswith("uuid"):
        return snowid.UUID.range(int(kind[4]), *period)
    ids = snowid.Layout(kind).range(*period)
    return ids.start, ids.stop - 1


def int_fields(fields: Dict[str, str]) -> Dict[str, int]:
    return {name: int(value) for name, value in fields.items()}


def text_or_none(text: Callable[[], str]) -> Optional[str]:
    try:
        return text()
    except snowid.Error:
        return None


def time_or_none(value: Any) -> Optional[str]:
    return text_or_none(lambda: snowid.format_time(time_ns=value.time_ns))


class Actions:
    """One method for each value of "do", which returns the answers by key."""

    def parse(self, form: str, text: str, **_: Any) -> Dict[str, Any]:
        value = (
            parse_id_of_kind(form, text)
            if form in ("ulid", "uuid")
            else snowid.parse_id(text, form)
        )
        return {"id": str(value)} if isinstance(value, int) else {"bytes": value.bytes.hex()}

    def format(self, form: str, id: str = "", bytes: str = "", **_: Any) -> Dict[str, Any]:
        if id:
            return {"text": snowid.format_id(int(id), form)}
        ulid = snowid.ULID(bytearray.fromhex(bytes))
        return {"text": str(ulid if form == "ulid" else ulid.uuid)}

    def decode(self, kind: str, id: str, **_: Any) -> Dict[str, Any]:
        value = parse_id_of_kind(kind, id)
        if isinstance(value, int):
            parts = snowid.Layout(kind).decode(value)
            return {
                "time": time_or_none(parts),
                "unix_ms": parts.time_ns // 10**6,
                "fields": {name: str(number) for name, number in parts.fields.items()},
            }
        time = time_or_none(value)
        answers: Dict[str, Any] = {"time": time}
        if time is not None or kind == "ulid":
            answers["unix_ms"] = value.time_ns // 10**6
        if isinstance(value, snowid.UUID):
            answers["version"] = value.int >> 76 & 15
            answers["variant"] = VARIANTS[value.variant]
            answers["kind"] = value.kind
            answers["fields"] = {"node": str(value.node), "clock_seq": str(value.clock_seq)}
        return answers

    def encode(self, kind: str, time: str, fields: Dict[str, str], **_: Any) -> Dict[str, Any]:
        if kind != "ulid" and not kind.startswith("uuid"):
            return {"id": str(snowid.Layout(kind).encode(time, **int_fields(fields)))}
        value: Any = id_at("first_at", kind, time)
        return {"id": str(value.replace(**int_fields(fields)) if fields else value)}

    def range(self, kind: str, **span: Any) -> Dict[str, Any]:
        if "period" in span:
            first, last = first_and_last(kind, span["period"])
        elif "to" in span:  # all of it
            *_, sec, nsec = _snowid.period_parse(span["to"])
            last_ns = sec * 10**9 + nsec - 1
            first, last = id_at("first_at", kind, span["from"]), id_at(
                "last_at", kind, time_ns=last_ns
            )
            first_and_last(kind, span["from"], Fraction(last_ns, 10**9))  # raises errors
        else:
            first, last = first_and_last(kind, span.get("from"), span.get("before"))
        return {"first": str(first), "last": str(last)}

    def instant(self, text: str, **_: Any) -> Dict[str, Any]:
        return {"time": snowid.format_time(time_ns=snowid.parse_time_ns(text))}

    def seconds(self, number: float, **_: Any) -> Dict[str, Any]:
        return {"time": snowid.format_time(number)}

    def span(self, text: str, **_: Any) -> Dict[str, Any]:
        return {"ns": str(span_ns(text, "span"))}

    def name(self, version: int, namespace: str, text: str, **_: Any) -> Dict[str, Any]:
        return {"id": str({3: snowid.uuid3, 5: snowid.uuid5}[version](namespace, text))}

    def mask(self, key: str, kind: Optional[str], id: str, **_: Any) -> Dict[str, Any]:
        mask = snowid.Mask(key, kind)
        masked, text = mask.apply(id), mask.format(id)
        assert mask.revert(masked) == mask.parse(text) == snowid.parse_id(id)
        return {"masked": str(masked), "text": text}

    def layout(self, kind: str, **_: Any) -> Dict[str, Any]:
        layout = snowid.Layout(kind)
        return {
            "bits": layout.bits,
            "ids_per_tick": str(layout.ids_per_tick),
            "nodes": str(layout.nodes),
            "spec": layout.spec,
            "first": snowid.format_time(layout.first_time),
            "last": snowid.format_time(layout.last_time),
            "signed_until": text_or_none(lambda: snowid.format_time(layout.fits_until(63))),
            "javascript_until": text_or_none(lambda: snowid.format_time(layout.fits_until(53))),
        }

    def order(self, kind: str, ids: List[str], **_: Any) -> Dict[str, Any]:
        return {"ids": sorted(ids, key=lambda text: parse_id_of_kind(kind, text))}

    def generate(
        self,
        kind: str,
        fields: Dict[str, str],
        settings: Dict[str, Any],
        count: int,
        clock: List[Dict[str, Any]],
        **_: Any,
    ) -> Dict[str, Any]:
        manual = snowid.ManualClock(clock[0]["at"])
        ids: Any = snowid.Generator(kind, fields=int_fields(fields), clock=manual, **settings)
        last: Any = None
        for instant in clock:
            manual.set(instant["at"])
            made: List[Any] = []
            try:
                made.extend(ids.next() for _ in range(count))
            except snowid.Error as error:
                check_error(error, instant)
            else:
                assert "error" not in instant, "no error"
            layout = ids.layout
            parts = [layout.decode(id) if layout else id for id in made]
            expect_equal("ids", [str(id) for id in made], instant.get("ids"))
            expect_equal(
                "times",
                [time_or_none(part) for part in parts],
                instant.get("times"),
            )
            for name, value in instant.get("fields", {}).items():
                for part in parts:
                    expect_equal(name, str(getattr(part, name)), value)
            for id in made:
                assert last is None or kind == "uuid1" or id > last, f"{id} is not above {last}"
                last = id
        return {}


def expect_equal(what: str, got: Any, want: Any) -> None:
    if isinstance(want, dict):  # compares only the expected fields
        for name, value in want.items():
            expect_equal(name, got.get(name), value)
    elif want is not None:
        assert got == want, f"{what} is {got}, not {want}"


def check_error(error: snowid.Error, expected: Dict[str, Any]) -> None:
    if "error" not in expected:
        raise error
    assert error.code == getattr(snowid, "E_" + expected["error"]), f"{error.code}: {error}"
    assert expected["says"] in str(error), str(error)


def run_case(case: Dict[str, Any]) -> None:
    words = {k: v for k, v in case.items() if k not in ("do", "name", "expect", "error", "says")}
    try:
        answers = getattr(Actions(), case["do"])(**words)
    except snowid.Error as error:
        check_error(error, case)
        return
    assert "error" not in case, "no error"
    for key, want in case.get("expect", {}).items():
        if want is None:
            assert answers[key] is None, f"{key} is {answers[key]}, not null"
        expect_equal(key, answers[key], want)


def make_test(file: str, case: Dict[str, Any]) -> unittest.TestCase:
    def test() -> None:
        run_case(case)

    test.__name__ = f"{file}: {case['do']}: {case['name']}"
    return unittest.FunctionTestCase(test)


def load_tests(*_: Any) -> unittest.TestSuite:
    cases = unittest.TestSuite()
    for path in sorted(
        pathlib.Path(os.environ["top_srcdir"], "tests", "conformance").glob("*.json")
    ):
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
            cases.addTest(make_test(path.name, case))
    assert cases.countTestCases() > 300
    return cases


if __name__ == "__main__":
    unittest.main()

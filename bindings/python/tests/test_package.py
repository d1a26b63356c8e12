# SPDX-License-Identifier: MIT
"""Type annotations, documentation and examples of the package."""

import ast
import doctest
import importlib
import inspect
import os
import pathlib
import pkgutil
import pydoc
import subprocess
import sys
import tempfile
import unittest
from typing import get_args

import snowid
from snowid import _snowid
from snowid._layout import Preset

PACKAGE = pathlib.Path(snowid.__file__).parent
HERE = pathlib.Path(__file__).parent
EXAMPLES = sorted(HERE.parent.joinpath("examples").glob("*.py"))
TYPED = """
import array
import datetime
import os
from typing import Sequence, Union
import snowid
a: snowid.ULID = snowid.Generator("ulid").next()
b: list[snowid.UUID] = snowid.Generator("uuid7").batch(5)
c: int = snowid.Generator("snowflake", worker=5, timeout="1s").next(timeout="500ms")
d: array.array[int] = snowid.Generator(worker=5).array(5)
for e in snowid.Generator(snowid.Layout("time:40,store:3"), store=None, fields={"store": 5}):
    f: int = e
with snowid.Generator("ulid") as g:
    h: str = str(g.try_next())
i: int = snowid.Layout().decode(str(c)).worker
j: bool = a < snowid.ULID() and b[0] < snowid.uuid7()
k: Union[int, snowid.ULID, snowid.UUID] = snowid.Generator(os.environ["KIND"]).next()
l: snowid.Generator[Union[int, snowid.ULID, snowid.UUID]] = snowid.Generator("uuid6", node=5)
m: Sequence[int] = snowid.Layout().range("2024-01")
n: Sequence[int] = snowid.Layout().range(None, datetime.date(2024, 1, 1))
o: tuple[snowid.ULID, snowid.ULID] = snowid.ULID.range(1704067200, before=None)
p: int = snowid.Layout().first_at(time_ns=1704067200_000000000)
q: snowid.ULID = snowid.ULID.from_timestamp(1704067200.5)
reveal_type(snowid.Generator("time:40,store:3", fields={"store": 5}))
"""
WRONG = (
    'snowid.Generator("ulid").next() + 1',
    'snowid.Generator("ulid", worker=5)',
    'snowid.Generator("uuid7", node=5)',
    'snowid.Generator("uuid6", worker=5)',
    'snowid.Generator(os.environ["KIND"]).next() + 1',
    'snowid.Generator(worker="5")',
    "snowid.Generator(worker=5).next(wait=5)",
    "snowid.format_id(b'5')",
    "snowid.Layout().decode(5).datetime + 5",
    "snowid.Layout().range(1704067200)",
    "snowid.ULID() < 5",
    "snowid.UUID.first_at('2024-01-01')",
)


class Types(unittest.TestCase):
    def mypy(self, *what: str) -> "subprocess.CompletedProcess[str]":
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONPATH")}
        with tempfile.TemporaryDirectory() as cache:
            return subprocess.run(
                [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, *what],
                env={**environment, "MYPYPATH": str(PACKAGE.parent)},
                capture_output=True,
                text=True,
            )

    def test_package_and_examples(self) -> None:
        self.assertTrue(PACKAGE.joinpath("py.typed").exists())
        checked = self.mypy(str(PACKAGE), *(str(e) for e in EXAMPLES if "sqlalchemy" not in e.name))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_types_of_user_code(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            program = pathlib.Path(directory, "program.py")
            program.write_text(TYPED + "\n".join(WRONG) + "\n")
            checked = self.mypy(str(program))
        first = TYPED.count("\n") + 1
        errors = [line for line in checked.stdout.splitlines() if ": error:" in line]
        self.assertIn('"snowid._generator.Generator[Union[', checked.stdout)
        self.assertEqual(
            {int(line.split(":")[1]) for line in errors},
            set(range(first, first + len(WRONG))),
            "\n".join(errors) + checked.stderr,
        )

    def test_every_preset_is_a_literal(self) -> None:
        self.assertEqual(snowid.Layout.presets(), get_args(Preset))

    def test_the_stub_matches_the_module(self) -> None:
        stub = ast.parse(PACKAGE.joinpath("_snowid.pyi").read_text())
        names = 0
        for node in stub.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found = getattr(_snowid, node.name)
                names += 1
                for member in node.body if isinstance(node, ast.ClassDef) else ():
                    if isinstance(member, ast.FunctionDef):
                        self.assertTrue(hasattr(found, member.name), f"{node.name}.{member.name}")
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self.assertIsInstance(getattr(_snowid, node.target.id), int)
                names += 1
        self.assertGreater(names, 50)


class Documentation(unittest.TestCase):
    def test_everything_public_is_documented(self) -> None:
        for name in snowid.__all__:
            found = getattr(snowid, name)
            if name.startswith("E_") or name == "FORMS":
                continue
            self.assertTrue(inspect.getdoc(found), name)
            members = vars(found).items() if inspect.isclass(found) else ()
            for member, value in members:
                if not member.startswith("_") and (
                    callable(value) or isinstance(value, (property, staticmethod, classmethod))
                ):
                    self.assertTrue(inspect.getdoc(getattr(found, member)), f"{name}.{member}")

    def test_help(self) -> None:
        text = pydoc.plain(pydoc.render_doc(snowid))
        for name in snowid.__all__:
            self.assertIn(name, text)
        for shown in (
            "next(self, /, timeout=None)",
            "batch(self, /, count, timeout=None)",
            "gunicorn",
            "file:/var/lib",
        ):
            self.assertIn(shown, text)

    def test_doctests(self) -> None:
        tried = 0
        modules = [
            importlib.import_module(m.name)
            for m in pkgutil.iter_modules(snowid.__path__, "snowid.")
        ]
        for module in [snowid, *modules]:
            results = doctest.testmod(module, extraglobs={"snowid": snowid})
            self.assertEqual(results.failed, 0)
            tried += results.attempted
        self.assertGreater(tried, 5)

    def test_examples_run(self) -> None:
        self.assertGreaterEqual(len(EXAMPLES), 2)
        for example in EXAMPLES:
            ran = subprocess.run(
                [sys.executable, str(example)],
                env={**os.environ, "SNOWFLAKE_WORKER": "5"},
                capture_output=True,
                text=True,
            )
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), example)
            self.assertGreater(len(ran.stdout.splitlines()), 2)


if __name__ == "__main__":
    unittest.main()

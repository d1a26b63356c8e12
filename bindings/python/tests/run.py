# SPDX-License-Identifier: MIT
"""Runs the tests of this directory and prints a line for each."""

import pathlib
import sys
import unittest


class Lines(unittest.TextTestResult):
    """Prints "ok - NAME" or "not ok - NAME". A skipped test counts as failed."""

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.stream.writeln(f"ok - {test.id()}")

    def addFailure(self, test: unittest.TestCase, err: object) -> None:
        super().addFailure(test, err)  # type: ignore[arg-type]
        self.stream.writeln(f"not ok - {test.id()}")

    def addError(self, test: unittest.TestCase, err: object) -> None:
        super().addError(test, err)  # type: ignore[arg-type]
        self.stream.writeln(f"not ok - {test.id()}")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.stream.writeln(f"not ok - {test.id()} was skipped: {reason}")


def main() -> int:
    here = pathlib.Path(__file__).parent
    tests = unittest.defaultTestLoader.discover(
        str(here), pattern=(sys.argv[1:] or ["test_*.py"])[0]
    )
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=0, resultclass=Lines)
    result = runner.run(tests)
    return 0 if result.wasSuccessful() and result.testsRun > 0 and not result.skipped else 1


if __name__ == "__main__":
    sys.exit(main())

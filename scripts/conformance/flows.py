"""Runs named flows against a server and counts those that hold."""

import sys
import traceback


class Flows:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def run(self, name, flow):
        try:
            flow()
            self.passed += 1
        except Exception as error:  # a client's own errors have no common base
            self.failed += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"  {name}: {type(error).__name__}: {str(error)[:600]} (line {where.lineno} of {where.filename.rsplit('/', 1)[-1]})", file=sys.stderr)

    def end(self, note=""):
        print(f"{self.passed} passed, {self.failed} failed{note}")
        sys.exit(self.failed > 0 or self.passed == 0)


def check(holds, what, seen=""):
    if not holds:
        raise AssertionError(f"{what}: {seen}")

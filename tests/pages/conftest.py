import sys

import pytest


@pytest.fixture(autouse=True)
def program_of_the_tests(monkeypatch):
    """A page under test takes the place of the program, which processes of later tests start."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

import inspect
from pathlib import Path

import pytest

from datasets import errors


def test_file_errors_say_file_place_and_problem():
    error = errors.FileFormatError("faces/07.pts", 12, "expected 'x y', got '103.2'")
    assert str(error) == "faces/07.pts:12: expected 'x y', got '103.2'"
    assert (error.path, error.where) == (Path("faces/07.pts"), 12)


def test_file_errors_without_a_place_name_the_file_alone():
    assert str(errors.FileFormatError(Path("a.csv"), None, "is empty")) == "a.csv: is empty"


def test_every_error_is_a_fewmark_error():
    found = [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, Exception)]
    assert len(found) == 7
    assert all(issubclass(e, errors.FewmarkError) for e in found)


@pytest.mark.parametrize(
    "error",
    [
        errors.FileFormatError,
        errors.UnknownNameError,
        errors.ShapeMismatchError,
        errors.SelectionError,
    ],
)
def test_errors_about_what_was_passed_are_value_errors(error):
    assert issubclass(error, ValueError)

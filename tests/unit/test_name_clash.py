"""Hugging Face's distribution `datasets` and our package of that name cannot live together."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest

import datasets

CHECKOUT = Path(__file__).parents[2]


def test_only_fewmark_brings_a_package_called_datasets():
    assert datasets.SUITE == "fewmark"
    # An editable installation does not list its packages, a foreign one would.
    assert set(packages_distributions().get("datasets", [])) <= {"fewmark"}
    with pytest.raises(PackageNotFoundError):
        distribution("datasets")


def test_the_constraints_of_ci_keep_the_other_one_out():
    lines = (CHECKOUT / "constraints.txt").read_text("utf-8").splitlines()
    assert "datasets<0" in lines


def test_the_constraints_of_the_project_keep_the_other_one_out():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    assert "datasets<0" in project["tool"]["uv"]["constraint-dependencies"]


@pytest.mark.parametrize("package", ["correlation", "weaksup", "annotate"])
def test_with_a_foreign_package_in_the_way_imports_say_what_to_do(tmp_path, package):
    foreign = tmp_path / "datasets" / "__init__.py"
    foreign.parent.mkdir()
    foreign.write_text("def load_dataset(): ...\n")
    path = os.pathsep.join([str(tmp_path), str(CHECKOUT)])
    result = subprocess.run(
        [sys.executable, "-c", f"import {package}"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(
        f"ImportError: 'import datasets' finds {foreign}, which is not Fewmark's"
    )
    assert last.endswith("python -m venv .venv && .venv/bin/pip install fewmark")

import subprocess
import sys

import pytest

import weaksup


def test_every_name_is_there():
    for name in weaksup.__all__:
        assert getattr(weaksup, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        weaksup.nothing  # noqa: B018


def test_the_package_and_its_commands_do_not_wait_for_torch():
    code = "import sys, weaksup, weaksup.cli, weaksup.config; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

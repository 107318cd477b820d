"""The workspace: one folder that holds everything of a job, for every page and command.

::

    data/<name>/            data sets
    formats/<name>.toml     sparse formats
    labels.sqlite           annotation store
    runs/<name>/            training runs
"""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

from datasets.storage import HEADER_FILE

VARIABLE = "FEWMARK_WORKSPACE"
STORE = "FEWMARK_STORE"
DEFAULT = "fewmark-workspace"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Places and names in a workspace folder; nothing is created by asking."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Workspace":
        """The folder named by ``FEWMARK_WORKSPACE``, or ``./fewmark-workspace``."""
        return cls(Path(os.environ.get(VARIABLE, DEFAULT)))

    @property
    def data(self) -> Path:
        """Folder of the data sets."""
        return self.root / "data"

    @property
    def formats(self) -> Path:
        """Folder of the sparse formats."""
        return self.root / "formats"

    @property
    def runs(self) -> Path:
        """Folder of the training runs."""
        return self.root / "runs"

    @property
    def store_url(self) -> str:
        """URL of the annotation store: the one that ``FEWMARK_STORE`` names, else its own."""
        named = os.environ.get(STORE)
        return named or f"sqlite:///{(self.root / 'labels.sqlite').absolute()}"

    def dataset_names(self) -> list[str]:
        """Names of the data sets."""
        return sorted(p.parent.name for p in self.data.glob(f"*/{HEADER_FILE}"))

    def dataset_age_s(self, name: str) -> float:
        """Seconds since the data set was written; endless where it is gone."""
        try:
            return time.time() - (self.data / name / HEADER_FILE).stat().st_mtime
        except OSError:
            return math.inf

    def format_names(self) -> list[str]:
        """Names of the sparse formats."""
        return sorted(p.stem for p in self.formats.glob("*.toml"))

    def run_names(self) -> list[str]:
        """Names of the training runs, the latest first."""
        found = [p.parent for p in self.runs.glob("*/config.toml")]
        return [p.name for p in sorted(found, key=lambda p: -p.stat().st_mtime)]

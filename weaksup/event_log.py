"""Metrics of a run as TensorBoard reads them, where that is installed: ``fewmark[tensorboard]``.

The log is written anew from the metrics whenever a run is taken up: so it has every epoch once,
whatever a killed process had not written yet.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from datasets.files import named_errors
from weaksup.run_folder import METRICS, RunFolder

SCALARS = tuple(name for name in METRICS if name not in ("stage", "epoch"))


class EventLog:
    """Scalars of every epoch, counted over all stages, in a file of the run's folder.

    Parameters
    ----------
    folder
        Its metrics are written at once.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder, self._writer = folder, None
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an extra
        except ImportError:
            return
        with named_errors(folder.path, "written"):
            folder.forget_events()
            self._writer = SummaryWriter(str(folder.path))
        for epoch, row in enumerate(folder.metrics().to_dict("records"), start=1):
            self.add(epoch, row)

    def add(self, epoch: int, row: Mapping[Any, Any]) -> None:
        """Write the metrics of an epoch; what is missing is left out."""
        if self._writer is None:
            return
        with named_errors(self._folder.path, "written"):
            for name in SCALARS:
                if not pd.isna(row[name]):
                    self._writer.add_scalar(name, float(row[name]), epoch)
            self._writer.flush()

    def close(self) -> None:
        """Write no more."""
        if self._writer is not None:
            self._writer.close()

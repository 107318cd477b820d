"""What the Budget page shows the results of: searches and errors, kept."""

from typing import Any

import numpy as np
import streamlit as st

from correlation.curve import budget_curve
from correlation.demands import Demands
from correlation.error_selection import ErrorSelection, forecast_of, select_for_error
from correlation.linear_error import ErrorForecast, ExpectedError
from correlation.matrix import AffinityMatrix
from correlation.selection import Selection, select
from correlation.stability import CurveSpread, curve_spread
from datasets.dataset import LandmarkDataset

TIME_LIMIT_S = 20.0
RESAMPLES = 10


@st.cache_data(show_spinner="Searching", max_entries=256)
def selection_of(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _matrix: AffinityMatrix,
    m: int,
    demands: dict[str, Any],
) -> Selection:
    """What the thesis' criterion chooses."""
    return select(_matrix, m, time_limit_s=TIME_LIMIT_S, **demands)


@st.cache_data(show_spinner="Searching the smallest error", max_entries=256)
def error_selection_of(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _dataset: LandmarkDataset,
    _matrix: AffinityMatrix,
    m: int,
    demands: Demands,
    noise: tuple[float, ...] | None = None,
) -> ErrorSelection:
    """What the expected error chooses."""
    return select_for_error(_dataset.shapes, m, demands, affinity=_matrix, noise=noise)


@st.cache_resource(show_spinner="Learning from a part of the shapes", max_entries=8)
def _forecast(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _dataset: LandmarkDataset,
) -> ErrorForecast:
    return forecast_of(_dataset.shapes, _dataset.samples["subject"])


@st.cache_data(show_spinner=False, max_entries=1024)
def expected_of(
    version: tuple[str, ...],
    _dataset: LandmarkDataset,
    chosen: tuple[int, ...],
    noise: tuple[float, ...] | None = None,
) -> ExpectedError:
    """The error to expect of chosen landmarks; clicks are exact where no noise is told."""
    return _forecast(version, _dataset).of(chosen, 0.0 if noise is None else noise)


@st.cache_data(show_spinner=False, max_entries=4096)
def best_of(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _matrix: AffinityMatrix,
    m: int,
) -> Selection:
    """The best c of one budget, any set that has it."""
    return budget_curve(_matrix, [m], ties=False).selections[0]


@st.cache_data(show_spinner="Drawing other shapes", max_entries=32)
def spread_of(
    version: tuple[str, ...],  # noqa: ARG001 - the cache's key
    _dataset: LandmarkDataset,
    _alignment: str | None,
    budgets: tuple[int, ...],
) -> CurveSpread:
    """The budget curve on other draws of the subjects."""
    return curve_spread(
        _dataset.shapes,
        budgets,
        np.random.default_rng(0),
        subjects=list(_dataset.samples["subject"]),
        alignment=_alignment or "centroid-rms",
        resamples=RESAMPLES,
    )

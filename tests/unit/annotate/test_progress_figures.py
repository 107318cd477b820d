"""Figures of progress: what the axes tell."""

from datetime import datetime, timedelta

from annotate.progress import Slice
from annotate.progress_figures import throughput_figure


def test_the_bar_of_a_single_hour_is_an_hour_wide() -> None:
    hour = datetime(2026, 11, 26, 11)
    figure = throughput_figure([Slice(hour, who, 3, 900.0) for who in ("ann", "bea")])
    assert [bar.width for bar in figure.data] == [3_600_000, 3_600_000]
    start, end = figure.layout.xaxis.range
    assert start < hour < end


def test_several_bars_are_as_wide_as_they_lie_apart() -> None:
    hour = datetime(2026, 11, 26, 11)
    figure = throughput_figure([Slice(hour + k * timedelta(hours=1), "ann", 3, 9) for k in (0, 1)])
    assert figure.data[0].width is None
    assert figure.layout.xaxis.range is None

import numpy as np
import pytest

from correlation.matrix import AffinityMatrix
from correlation.series import Series, series_file, series_files, stages
from datasets.errors import FileFormatError, ShapeMismatchError
from datasets.formats import landmark_format


def matrix(value, alignment="box", M=3):
    values = np.full((M, M), value)
    np.fill_diagonal(values, 1.0)
    return AffinityMatrix(landmark_format(f"points-{M}"), values, 9, alignment)


def test_stages_tell_how_each_one_changes_the_affinities():
    series = stages([matrix(0.9), matrix(0.6), matrix(0.7)])
    assert series.positions == (1, 2, 3)
    assert series.changes[:, 0, 1] == pytest.approx([-0.3, 0.1])
    assert series.total[2, 0] == pytest.approx(-0.2)
    assert (np.diagonal(series.total) == 0).all()
    assert series.path(0, 2).tolist() == [0.9, 0.6, 0.7]


def test_the_deviation_is_that_of_each_window():
    steps = [0.2, 0.4, 0.4, 0.8]
    series = stages([matrix(value) for value in steps])
    found = series.deviation(2)
    assert found.shape == (3, 3, 3)
    assert found[:, 0, 1] == pytest.approx([0.1, 0.0, 0.2])  # half the distance of two values
    assert series.deviation(4)[0, 1, 2] == pytest.approx(np.std(steps))
    assert not series.deviation(1).any()
    for window in (0, 5):
        with pytest.raises(ValueError, match=rf"1\.\.4, got {window}"):
            series.deviation(window)


def test_what_is_no_series_is_refused():
    with pytest.raises(ShapeMismatchError, match="one affinity matrix at least"):
        stages([])
    with pytest.raises(ShapeMismatchError, match="alignment procrustes"):
        stages([matrix(0.5), matrix(0.5, alignment="procrustes")])
    with pytest.raises(ShapeMismatchError, match="points-4"):
        stages([matrix(0.5), matrix(0.5, M=4)])
    for positions in ((1,), (2, 1), (1, 1)):
        with pytest.raises(ShapeMismatchError, match="2 positions that increase"):
            Series((matrix(0.5), matrix(0.5)), positions)


def test_a_folder_is_read_in_the_order_of_the_epochs(tmp_path):
    for epoch in (1_000_000, 20, 5):
        matrix(epoch / 2e6).save(series_file(tmp_path, epoch))
    (tmp_path / "epoch-x.npz").write_text("mine")
    assert list(series_files(tmp_path)) == [5, 20, 1_000_000]
    series = Series.load(tmp_path)
    assert series.positions == (5, 20, 1_000_000)
    assert series.path(0, 1) == pytest.approx([2.5e-6, 1e-5, 0.5])


def test_a_folder_that_holds_no_series_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="no affinities in it"):
        Series.load(tmp_path / "nothing")
    series_file(tmp_path, 1).write_text("broken")
    with pytest.raises(FileFormatError, match=r"epoch-000001\.npz: not an affinity file"):
        Series.load(tmp_path)
    matrix(0.1).save(series_file(tmp_path, 1))
    matrix(0.1, M=4).save(series_file(tmp_path, 2))
    with pytest.raises(FileFormatError, match="cannot compare affinities of points-4"):
        Series.load(tmp_path)

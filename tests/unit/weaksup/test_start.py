from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.errors import TrainingError
from datasets.formats import SparseFormat
from weaksup.inference import load_network, read_start
from weaksup.run_folder import RunFolder
from weaksup.samples import cut_crops
from weaksup.training import train


def first_stage(config):
    return config.changed(stages=config.stages[:1])


def other_stages(config):
    return config.changed(stages=config.stages[1:])


@pytest.fixture(scope="module")
def begun(unbroken, data, tmp_path_factory):
    """The first stage of the tiny run, as a run of its own."""
    return train(first_stage(unbroken.config), tmp_path_factory.mktemp("begun") / "run", data)


def test_a_run_begins_with_the_network_of_another_run(begun, data, tiny, tmp_path):
    still = tiny.changed(stages=(replace(tiny.stages[1], rate=1e-30),))  # learns next to nothing
    run = train(still, tmp_path / "run", replace(data, start=read_start(begun)))
    before, after = (load_network(each).body.state_dict() for each in (begun, run))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_another_sparse_format_width_or_landmarks_are_refused(begun, data, tiny, tmp_path):
    start = read_start(begun)
    other = SparseFormat(data.sparse.dense, (0, 2), (0, 2, 2, 0, 2))
    with pytest.raises(TrainingError, match="its sparse format"):
        train(tiny, tmp_path / "a", replace(data, sparse=other, start=start))
    with pytest.raises(TrainingError, match=r"its width is 0.0625, that of the config 0.125"):
        train(tiny.changed(width=0.125), tmp_path / "b", replace(data, start=start))
    renamed = replace(data.sparse.dense, landmarks=("a", "b", "c", "d", "e"))
    with pytest.raises(TrainingError, match="its landmarks are spots-5"):
        start.require_fits(SparseFormat(renamed, (0, 1), (0, 1, 0, 0, 1)), 0.0625)
    assert not (tmp_path / "a").exists()


def test_a_run_without_a_network_cannot_be_begun_with(tmp_path):
    with pytest.raises(TrainingError, match="holds no training run"):
        read_start(tmp_path / "nothing")


def test_a_run_is_not_taken_up_with_another_start(begun, unbroken, data, tiny, tmp_path):
    config, stops = other_stages(tiny), iter([False, True])
    started = replace(data, start=read_start(begun))
    train(config, tmp_path / "run", started, stop=lambda: next(stops, True))
    assert RunFolder(tmp_path / "run").state().status == "stopped"
    train(config, tmp_path / "run", started, resume=True)
    with pytest.raises(TrainingError, match="another data"):
        train(config, tmp_path / "run", replace(data, start=read_start(unbroken)), resume=True)


def test_crops_that_were_cut_before_are_learnt_from_alike(data, tiny, tmp_path):
    config = first_stage(tiny)
    shown = data.images.shapes.present
    crops = cut_crops(data.images, config, border=True).take(np.arange(len(shown)), shown)
    a = train(config, tmp_path / "a", data)
    b = train(config, tmp_path / "b", replace(data, crops=crops))
    assert a.metrics()["loss"].tolist() == b.metrics()["loss"].tolist()


def test_taken_crops_have_the_landmarks_that_count_alone(data, tiny):
    crops = cut_crops(data.images, tiny, border=True)
    counted = np.zeros((2, 5), dtype=bool)
    counted[1, 3] = True
    taken = crops.take(np.array([5, 2]), counted)
    assert torch.equal(taken.images, crops.images[[5, 2]])
    assert (~taken.points.isnan().any(dim=2)).tolist() == counted.tolist()
    assert not crops.points[5].isnan().all()

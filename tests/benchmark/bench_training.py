"""What training costs beside the bare network: run as a script, prints ratios of one run.

    .venv/bin/python tests/benchmark/bench_training.py [--repeats 15] [--widths 0.25 1.0]

An epoch of `Learner` (crops and labels picked, changed by chance, normalised, masked loss, the mean
shape's loss) against as many steps forward, backward and of the optimiser on one fixed batch. Both
take turns; the median of the ratios of neighbours is told, in processor time of one thread (on a
GPU by the clock).
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch

from datasets.images import Frame
from weaksup.devices import choose_device
from weaksup.learner import Learner
from weaksup.losses import LOSSES
from weaksup.network import TwoBranchResNet
from weaksup.presets import preset
from weaksup.ranks import Ranks
from weaksup.samples import Crops
from weaksup.schedule import make_optimiser

BATCH, PX, M = 32, 64, 68


def crops(N, border_px):
    rng = np.random.default_rng(0)
    size = PX + 2 * border_px
    images = torch.from_numpy(rng.integers(0, 256, (N, 3, size, size), dtype=np.uint8))
    points = torch.from_numpy(rng.uniform(-0.8, 0.8, (N, M, 2)).astype(np.float32))
    return Crops(images, points, (Frame(0.0, 0.0, float(PX)),) * N, border_px, None)


def learner(config, ranks, N):
    data = crops(N, PX // 8)
    mean_shape = data.mean_shape(np.arange(N))
    network = TwoBranchResNet(tuple(range(0, M, 4)), mean_shape, config.width)
    made = Learner(ranks, config, network, data, mean_shape)
    made.begin(config.stages[0], torch.ones(N, M, dtype=torch.bool))
    return made


def bare(config, ranks, steps):
    """The same network, stage and optimiser on one batch that lies ready."""
    stage = config.stages[0]
    network = TwoBranchResNet(tuple(range(0, M, 4)), torch.zeros(M, 2), config.width)
    network = network.to(ranks.device).to(memory_format=torch.channels_last)
    network.set_trained(stage.train)
    network, optimiser = ranks.fabric.setup(
        network, make_optimiser(stage, config, network.parameters())
    )
    images = torch.randn(BATCH, 3, PX, PX, device=ranks.device)
    images = images.contiguous(memory_format=torch.channels_last)
    points = torch.zeros(BATCH, M, 2, device=ranks.device)
    counted = torch.ones(BATCH, M, dtype=torch.bool, device=ranks.device)

    def go():
        for _ in range(steps):
            loss = LOSSES[stage.loss](network(images), points, counted)
            optimiser.zero_grad()
            ranks.fabric.backward(loss)
            optimiser.step()

    return go


def seconds(function, device):
    clock = time.process_time if device == "cpu" else time.perf_counter
    if device == "cuda":
        torch.cuda.synchronize()
    began = clock()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - began


def compare(config, device, repeats, steps):
    ranks = Ranks(device, config.precision)
    ours = learner(config, ranks, steps * BATCH)
    theirs = bare(config, ranks, steps)
    ratios, rates = [], []
    for turn in range(repeats + 1):
        bare_s = seconds(theirs, device)
        ours_s = seconds(lambda: ours.epoch(lambda: False), device)
        if turn > 0:  # the first turn warms up
            ratios.append(bare_s / ours_s)
            rates.append(steps * BATCH / ours_s)
    return statistics.median(rates), statistics.median(ratios), min(ratios), max(ratios)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--repeats", type=int, default=15)
    options.add_argument("--widths", type=float, nargs="+", default=[0.25, 1.0])
    options.add_argument("--device", default="cpu")
    options.add_argument("--precision", default="32-true")
    given = options.parse_args()
    torch.set_num_threads(1)
    device = choose_device(given.device, given.precision)
    print("| width | images a second | of the bare loop | least, most |\n|---|---|---|---|")
    for width in given.widths:
        config = preset("recommended").changed(width=width, precision=given.precision)
        steps = 8 if width < 1 and device == "cpu" else 3 if device == "cpu" else 50
        rate, ratio, low, high = compare(config, device, given.repeats, steps)
        print(f"| {width} | {rate:.0f} | {ratio:.3f} | {low:.2f}, {high:.2f} |", flush=True)


if __name__ == "__main__":
    main()

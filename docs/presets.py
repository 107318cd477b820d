"""Presets of training at equal data, on people who were not learnt from; prints JSON lines.

    python docs/presets.py LANDMARKS.csv OUT [--seeds 3] [--m 19] [--n 40 80] [--presets NAME ...]

LANDMARKS.csv is any file `fewmark convert` reads, with pictures and the splits `train` and
`valid`. Of 800 pictures of `train`, n have all landmarks; formats by smallest affinity on these.
The thesis' schedule is cut to 20, 60 and 60 epochs; all networks have a quarter of the channels
and crops of 48 px.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from correlation.affinity import affinity
from correlation.selection import select
from datasets.dataset import LandmarkDataset
from datasets.io.registry import read
from datasets.shapes import ShapeSet
from weaksup.config import TrainingConfig, preset
from weaksup.samples import TrainingData
from weaksup.training import train

N = 800
NAMES = ("recommended", "quick", "thesis", "joint")


def short(name: str, seed: int) -> TrainingConfig:
    """A preset, made so small that a CPU has it in a minute."""
    config = preset(name)
    if name == "thesis":
        epochs = zip(config.stages, (20, 60, 60), strict=True)
        stages = tuple(replace(s, epochs=e, patience=max(1, e // 5)) for s, e in epochs)
        config = config.changed(width=0.25, stages=stages)
    return config.changed(seed=seed, image_size_px=48, affinity_every=0, threads=1)


def problem(whole: LandmarkDataset, n: int, m: int, seed: int) -> TrainingData:
    """N pictures, of which the first n are dense, and a format found on those."""
    pool = whole.split("train")
    images = pool.take(np.random.default_rng(seed).permutation(len(pool))[:N])
    sparse = select(affinity(images.shapes.points[:n]), m).sparse
    points = images.shapes.points.copy()
    points[n:, list(sparse.rest)] = np.nan
    images = images.with_shapes(ShapeSet.from_points(points, whole.format))
    return TrainingData(images, replace(sparse, dense=whole.format), whole.split("valid"))


def main() -> None:
    """Print a line for every run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--m", type=int, default=19)
    parser.add_argument("--n", type=int, nargs="+", default=[40, 80])
    parser.add_argument("--presets", nargs="+", default=NAMES, choices=NAMES)
    options = parser.parse_args()
    whole = read(options.landmarks, landmark_format="300w-68")
    for seed in range(options.seeds):
        for n in options.n:
            data = problem(whole, n, options.m, seed)
            for name in options.presets:
                began = time.process_time()
                run = train(short(name, seed), options.out / f"{name}-{n}-{seed}", data)
                ends = run.metrics().dropna(subset=["valid_nme"]).groupby("stage", sort=False)
                errors = {k: round(100 * v, 2) for k, v in ends["valid_nme"].last().items()}
                seconds = round(time.process_time() - began)
                line = {"preset": name, "n": n, "seed": seed, "nme": errors, "cpu_s": seconds}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

"""What affinities cost: run as a script, prints tables whose ratios hold within one run.

    .venv/bin/python tests/benchmark/bench_affinity.py [--peers PYTHON] [--stream] [--million]

BLAS has one thread; Linux only. PYTHON is an interpreter that has cca-zoo 4. ``--stream`` writes
synthetic shapes to a temporary folder, reads them in processes of their own and takes their peak
memory; ``--million`` does so with 1,000,000 shapes (1.6 GB of disk) as well.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from correlation.affinity import affinity, affinity_from_moments
from datasets.alignment import align
from datasets.dataset import LandmarkDataset, write_parts
from datasets.moments import Moments, moments_of
from datasets.samples import sample_table
from datasets.shapes import ShapeSet
from datasets.sources import ShapeSource, moments_of_source

PAIRS = 20  # of which scikit-learn's time is taken, for all M (M - 1) / 2


CCA_ZOO = """
import json, sys, time
import numpy as np
from cca_zoo.linear import CCA
points, pairs = np.load(sys.argv[1]), json.loads(sys.argv[2])
found, began = [], time.process_time()
for i, j in pairs:
    a, b = CCA(n_components=2).fit_transform([points[:, i], points[:, j]])
    found.append(np.mean([np.corrcoef(a[:, k], b[:, k])[0, 1] for k in (0, 1)]))
print(json.dumps({"ms": 1e3 * (time.process_time() - began), "affinities": found}))
"""


def shapes(N, M, D=2, seed=0):
    rng = np.random.default_rng(seed)
    ways = np.random.default_rng(1).normal(size=(8, M * D))
    flat = 200 + 20 * (rng.normal(size=(N, 8)) @ ways + rng.normal(size=(N, M * D)))
    return flat.reshape(N, M, D)


def best_ms(*functions, rounds=15):
    """Shortest processor time of each, taken in turns: what else the machine does counts little."""
    times = [[] for _ in functions]
    for _ in range(rounds):
        for function, found in zip(functions, times, strict=True):
            began = time.process_time()
            function()
            found.append(1e3 * (time.process_time() - began))
    return [min(found) for found in times]


def table(title, names, rows):
    print(f"\n{title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")


def against_the_product():
    points = shapes(10_000, 98)
    flat = points.reshape(10_000, -1)
    gaps = points.copy()
    gaps[:500, 3] = np.nan
    aligned = moments_of([points])
    steps = {
        "X.T @ X": lambda: flat.T @ flat,
        "copy of X": flat.copy,
        "moments, nothing aligned": lambda: Moments.from_points(points),
        "moments, centroid-rms": lambda: moments_of([points]),
        "affinity of moments": lambda: affinity_from_moments(aligned),
        "affinity, centroid-rms": lambda: affinity(points),
        "affinity, 5 % of shapes lack a landmark": lambda: affinity(gaps),
        "affinity, box": lambda: affinity(points, "box"),
    }
    times = best_ms(*steps.values())
    rows = [
        (name, f"{ms:.1f}", f"{ms / times[0]:.2f}") for name, ms in zip(steps, times, strict=True)
    ]
    table("N = 10,000, M = 98, D = 2", ("what", "ms", "times X.T @ X"), rows)


def against_cca(peers):
    from sklearn.cross_decomposition import CCA

    points = shapes(10_000, 98)
    rng = np.random.default_rng(0)
    pairs = [rng.choice(98, 2, replace=False).tolist() for _ in range(PAIRS)]

    def fit():
        for i, j in pairs:
            CCA(n_components=2).fit_transform(points[:, i], points[:, j])

    ours, theirs = best_ms(lambda: affinity(points), fit, rounds=3)
    times = {"scikit-learn": theirs}
    if peers is not None:
        aligned = align(points)
        found = by_cca_zoo(peers, aligned, pairs)
        values = affinity(points).values
        both = zip(pairs, found["affinities"], strict=True)
        apart = max(abs(values[i, j] - theirs) for (i, j), theirs in both)
        print(f"\nlargest difference from cca-zoo over {PAIRS} pairs: {apart:.1e}")
        times["cca-zoo"] = found["ms"]
    rows = [("affinity, all 4,753 pairs", f"{ours:.0f}", "1")]
    for name, ms in times.items():
        every = ms / PAIRS * 98 * 97 / 2
        rows.append((f"{name}, {PAIRS} pairs", f"{ms:.0f}", "-"))
        rows.append((f"{name}, all pairs (extrapolated)", f"{every:.0f}", f"{every / ours:.0f}"))
    table("Against CCA pair by pair, N = 10,000, M = 98", ("what", "ms", "times affinity"), rows)


def by_cca_zoo(python, points, pairs):
    with tempfile.TemporaryDirectory(prefix="fewmark-bench-") as place:
        path = Path(place) / "points.npy"
        np.save(path, points)
        command = [python, "-c", CCA_ZOO, str(path), json.dumps(pairs)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


def against_sizes():
    rows = []
    for N, M in ((1_000, 98), (10_000, 98), (100_000, 98), (10_000, 29), (10_000, 478)):
        points = shapes(N, M)
        flat = points.reshape(N, -1)
        bare, ours = best_ms(lambda x=flat: x.T @ x, lambda x=points: affinity(x), rounds=5)
        rows.append((f"{N:,}", M, f"{bare:.1f}", f"{ours:.1f}", f"{ours / bare:.2f}"))
    table("Against N and M", ("N", "M", "X.T @ X, ms", "affinity, ms", "ratio"), rows)


def write_shapes(folder, N, M=98, chunk=10_000):
    def parts():
        for start in range(0, N, chunk):
            names = [f"s{i}" for i in range(start, min(start + chunk, N))]
            points = shapes(len(names), M, seed=start)
            yield LandmarkDataset(ShapeSet.from_points(points), sample_table(names))

    write_parts(parts(), folder)


def stream(folder):
    """Run in a process of its own: seconds and the peak of its memory."""
    base = peak_mb()
    began = time.perf_counter()
    source = ShapeSource.open(folder)
    matrix = affinity_from_moments(moments_of_source(source), landmark_format=source.format)
    seconds = time.perf_counter() - began
    print(f"{seconds:.1f} {base:.0f} {peak_mb():.0f} {matrix.n_shapes}")


def peak_mb():
    """Peak memory of this process; getrusage would tell its parent's where that was larger."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if "VmHWM" in line)) / 1024


def from_parquet(sizes):
    rows = []
    for N in sizes:
        with tempfile.TemporaryDirectory(prefix="fewmark-bench-") as place:
            write_shapes(Path(place) / "d", N)
            megabytes = (Path(place) / "d" / "shapes.parquet").stat().st_size / 2**20
            command = [sys.executable, __file__, "--read", str(Path(place) / "d")]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds, base, peak, found = done.stdout.split()
        assert int(found) == N
        rows.append(
            (f"{N:,}", f"{megabytes:.0f}", seconds, f"{N / float(seconds):,.0f}", base, peak)
        )
    names = ("N", "file, MB", "seconds", "shapes a second", "memory before, MB", "peak memory, MB")
    table("From Parquet, M = 98, D = 2, affinity included", names, rows)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--peers")
    options.add_argument("--stream", action="store_true")
    options.add_argument("--million", action="store_true")
    options.add_argument("--read", type=Path)
    given = options.parse_args()
    threadpool_limits(1)
    if given.read is not None:
        stream(given.read)
        return
    against_the_product()
    against_cca(given.peers)
    against_sizes()
    if given.stream or given.million:
        from_parquet([10_000, 100_000] + [1_000_000] * given.million)


if __name__ == "__main__":
    main()

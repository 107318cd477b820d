"""The whole job on faces of real people, by commands alone; writes the table of docs/results.md.

    python docs/real_faces.py LANDMARKS.csv OUT [--share 0.1] [--m 10] [--scale 1.0] [--seed 0]

LANDMARKS.csv is any file `fewmark convert` reads, with pictures, subjects and the splits
`train` and `valid`. Every line that is printed is a command; what is measured is printed last.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path


def fewmark(command: str) -> dict:
    """Run one command with --json, print it with its seconds, and return its result."""
    print(f"$ fewmark {command}", flush=True)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "annotate.cli", *shlex.split(command), "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    print(f"  {time.perf_counter() - started:.1f} s", flush=True)
    return json.loads(done.stdout)


def networks(options: argparse.Namespace) -> dict[str, str]:
    """Rows of the table that are networks: name to the arguments of `train`.

    All look at as many pictures in all: the quick preset's stages have 20 epochs of N pictures
    and 80 of n, the baselines' one stage 20, so these are made longer.
    """
    share, scale = options.share, options.scale
    common = f"--valid valid --seed {options.seed} --scale"
    return {
        f"network, {share:.0%} dense pictures only": (
            "--data dense --sparse searched.toml --preset dense-only "
            f"{common} {scale * (1 / share + 4)}"
        ),
        "three stages, searched format": (
            "--data dense --data clicks-searched --sparse searched.toml --preset quick "
            f"{common} {scale}"
        ),
        "three stages, predefined format": (
            "--data dense --data clicks-predefined --sparse predefined.toml --preset quick "
            f"{common} {scale}"
        ),
        "full dense supervision": (
            "--data train --sparse searched.toml --preset dense-only "
            f"{common} {scale * (1 + 4 * share)}"
        ),
    }


def prepare(source: Path, options: argparse.Namespace) -> None:
    """Data sets and sparse formats that the rows need."""
    share, m, seed = options.share, options.m, options.seed
    fewmark(f"convert {source} faces --format 300w-68")
    fewmark("convert faces train --split train")
    fewmark("convert faces valid --split valid")
    fewmark(f"convert train dense --share {share} --seed {seed}")
    fewmark(f"select dense --m {m} --out searched.toml")
    include = f"--include {options.predefined}"
    fewmark(
        f"select dense --m {len(options.predefined.split(','))} {include} --out predefined.toml"
    )
    for kind in ("searched", "predefined"):
        fewmark(f"convert train clicks-{kind} --keep {kind}.toml")
        fewmark(f"convert valid valid-clicks-{kind} --keep {kind}.toml")


def main() -> None:
    """Run the job and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=lambda text: Path(text).resolve())
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--m", type=int, default=10)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--predefined", default="36,39,42,45,48,54,51,57,31,35", help="LFW's ten")
    options = parser.parse_args()
    options.out.mkdir(parents=True)

    os.chdir(options.out)
    prepare(options.source, options)
    judge = "--truth valid --span inter_ocular --baseline dense"
    rows = []
    for number, (name, arguments) in enumerate(networks(options).items()):
        fewmark(f"train run-{number} {arguments}")
        fewmark(f"infer run-{number} valid predicted-{number}")
        rows.append((name, fewmark(f"evaluate predicted-{number} {judge}")))
    for kind in ("searched", "predefined"):
        fewmark(f"complete valid-clicks-{kind} completed-{kind} --dense dense")
        measured = fewmark(f"evaluate completed-{kind} {judge}")
        rows.append((f"linear map from the true points, {kind} format", measured))
    for name, measured in [("mean shape", rows[0][1]["rows"][0]), *rows]:
        print(f"| {name} | {100 * measured['nme']:.2f} | {measured['failure_rate_8']:.1%} |")


if __name__ == "__main__":
    main()

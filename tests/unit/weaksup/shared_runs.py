"""Run by torchrun, with a folder of data: two processes of which the second is stopped, or fails.

Every process prints what came of it as one line of JSON.
"""

import json
import sys
from pathlib import Path

import torch
from torch import distributed

from datasets.errors import FewmarkError
from weaksup.config import TrainingConfig
from weaksup.ranks import Ranks
from weaksup.run_folder import RunFolder
from weaksup.sources import Sources
from weaksup.training import train

_STEPS = 48 + 4  # pictures are read, then some steps are made


def main(places):
    ranks = Ranks("cpu", "32-true")
    second = not ranks.first
    config = TrainingConfig.load(places / "config.toml")
    paths = (places / "dense", places / "clicks")
    data = Sources(paths, places / "m2.toml", places / "valid").load()
    found = {"number": ranks.fabric.global_rank}

    def run(name, **options):
        try:
            train(config, places / name, data, **options)
        except FewmarkError as error:
            found[f"{name} failed"] = str(error)
        distributed.barrier()
        found.setdefault(name, []).append(RunFolder(places / name).state().status)

    asked = []

    def stop():
        asked.append(1)
        return second and len(asked) > _STEPS

    run("resumed", stop=stop)
    run("resumed", resume=True)

    gone = data.images.image_path(3)
    data.images.samples["image"] = data.images.samples["image"].replace(
        gone.name, "gone.png" if second else gone.name
    )
    run("failed")

    distributed.barrier()
    config = config.changed(seed=ranks.fabric.global_rank)
    run("mixed")

    found["shares"] = [str(ranks.part(5)), str(ranks.part(2))]
    found["total"] = float(ranks.total(torch.ones(1)))
    print(json.dumps(found))


if __name__ == "__main__":  # not where pytest looks for examples
    main(Path(sys.argv[1]))

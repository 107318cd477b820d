"""Training schedules by name; stages are data.

`thesis` follows Yan 2020, sec. 5.5.2 to the letter where it speaks: three stages of 1500, 3000 and
3000 epochs, L2 loss, SGD, rates 0.01, 0.01 and 0.001, each cut to a tenth when the loss has not
fallen for 200 epochs, ResNet-18 of full width, not pretrained. What it leaves open is chosen here:

- momentum 0.9, batches of 32 (stages 2 and 3: 16; at most a quarter of the images, so that 40
  dense images make four steps of 10), no weight decay;
- the loss of an image is the *sum* over the stage's landmarks of squared distances, positions in
  [-1, 1] across the crop; the mean over landmarks makes the same rate far too slow;
- the rate rises over the first 50 steps of a stage, and gradients are shortened to a norm of 3:
  at full width the rate of 0.01 overshoots otherwise (205 faces, 14 epochs: the loss ends at 1.0
  times the mean shape's without, after 24 times it, at 1.2 with 10, at 0.8 with 3 and with 1),
  and at a quarter of it, where nothing need be shortened, 3 holds back little (800 faces, 140
  epochs, two seeds: an NME of 11.0 % without, 10.8 with 10, 11.6 with 3, 13.1 with 1);
- pictures are turned, scaled, shifted and changed in brightness, never mirrored: the mirrored
  picture of a sparse format has other landmarks (`joint` does, which learns all at once);
- crops of 64 px, 1.25 times the object's box; batch statistics are frozen in stage 2;
- training starts at the mean shape of the dense images.
"""

from datasets.errors import UnknownNameError
from weaksup.config import TrainingConfig
from weaksup.parts import BODY, MAIN, PARTS, SECONDARY
from weaksup.stage import Stage

_BOTH = (MAIN, SECONDARY)

_THESIS = TrainingConfig(
    preset="thesis",
    clip_norm=3.0,
    affinity_every=100,
    stages=(
        Stage("sparse", "all", (MAIN,), (BODY, MAIN), 1500, 0.01, 32),
        Stage("secondary", "dense", (SECONDARY,), (SECONDARY,), 3000, 0.01, 16),
        Stage("everything", "dense", _BOTH, PARTS, 3000, 0.001, 16),
    ),
)

# AdamW and one cycle a stage: in 20 epochs of the first stage, SGD at the thesis' rates comes to an
# NME of 11.1 % where this comes to 8.8 (docs/results.md, Table 5.1 in small, n = 80).
_QUICK = TrainingConfig(
    preset="quick",
    width=0.25,
    weight_decay=0.01,
    affinity_every=5,
    stages=(
        Stage("sparse", "all", (MAIN,), (BODY, MAIN), 20, 0.004, 32, "adamw", "one-cycle"),
        Stage(
            "secondary", "dense", (SECONDARY,), (SECONDARY,), 60, 0.003, 16, "adamw", "one-cycle"
        ),
        Stage("everything", "dense", _BOTH, PARTS, 20, 0.0001, 16, "adamw", "one-cycle"),
    ),
)

# Ours: the same network and the same first stage, with the wing loss; then the prior, for nothing.
_RECOMMENDED = _QUICK.changed(
    preset="recommended",
    stages=(
        Stage(
            "sparse", "all", (MAIN,), (BODY, MAIN), 20, 0.004, 32, "adamw", "one-cycle",
            loss="wing",
        ),
        Stage("prior", "dense", (SECONDARY,), (SECONDARY,), 1, 1.0, optimiser="ridge"),
    ),
)  # fmt: skip

# Everything at once: landmarks that an image lacks do not count. A quarter of every batch is dense,
# so that the secondary branch learns in every step however few dense images there are.
_JOINT = _QUICK.changed(
    preset="joint",
    stages=(
        Stage(
            "joint", "all", _BOTH, PARTS, 30, 0.004, 32, "adamw", "one-cycle",
            loss="wing", mirror=True, dense_share=0.25,
        ),
    ),
)  # fmt: skip

# What the n dense images alone give: the baseline of weak supervision, and, when all images are
# dense, its ceiling.
_DENSE_ONLY = _QUICK.changed(
    preset="dense-only",
    affinity_every=1,
    stages=(
        Stage("dense", "dense", _BOTH, PARTS, 20, 0.002, 32, "adamw", "one-cycle", loss="wing"),
    ),
)

PRESETS = {config.preset: config for config in (_RECOMMENDED, _QUICK, _THESIS, _JOINT, _DENSE_ONLY)}


def preset(name: str) -> TrainingConfig:
    """A config by name: one of `PRESETS`, such as ``"recommended"``.

    Raises
    ------
    UnknownNameError
        If there is none of this name.
    """
    if name not in PRESETS:
        raise UnknownNameError(f"unknown preset {name!r}; known are {', '.join(PRESETS)}")
    return PRESETS[name]

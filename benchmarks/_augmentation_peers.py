"""What other libraries do to images, one by one, in the peers' own Python.

``_augmentation_peers.py IMAGES.npy MAGNITUDES.json`` first prints, as JSON, which functions each library has; then, for
each line ``LIBRARY FUNCTION`` on its input, the seconds that it took for the whole batch: of the clock, and of the
processor.
"""

# ruff: noqa: ARG005 - every function is called alike
from __future__ import annotations

import functools
import json
import math
import sys
import time

import numpy as np


def skimage_functions():
    """scikit-image's own functions; where it has none, what its users write with numpy and scipy."""
    from scipy.ndimage import gaussian_filter, map_coordinates
    from skimage import color, exposure, filters, morphology, transform, util

    def warped(x, **change):
        # About the centre, as all of them do here.
        middle = transform.AffineTransform(translation=((x.shape[1] - 1) / 2, (x.shape[0] - 1) / 2))
        back = transform.AffineTransform(translation=(-(x.shape[1] - 1) / 2, -(x.shape[0] - 1) / 2))
        return transform.warp(x, (back + transform.AffineTransform(**change) + middle).inverse, order=1)

    def elastic(x, m, chance):
        h, w = x.shape[:2]
        sigma = 0.15 * w
        ways = (gaussian_filter(chance.uniform(-1, 1, (h, w)), sigma, mode="constant") for _ in range(2))
        down, across = (way * (m * w * 2 * math.sqrt(3 * math.pi) * sigma) for way in ways)
        places = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
        places = (places[0] + down, places[1] + across)
        channels = [map_coordinates(x[..., c], places, order=1) for c in range(x.shape[-1])]
        return np.stack(channels, axis=-1)

    def cut(x, m, chance):
        h, w = x.shape[:2]
        half, row, column = int(m * w / 2), chance.integers(h), chance.integers(w)
        x = x.copy()
        x[max(0, row - half) : row + half, max(0, column - half) : column + half] = 0
        return x

    def hued(x, m):
        hsv = color.rgb2hsv(x)
        hsv[..., 0] = (hsv[..., 0] + m) % 1
        return color.hsv2rgb(hsv)

    def blend(first, second, m):
        return np.clip(first + m * (second - first), 0, 1)

    def grey(x):
        return color.rgb2gray(x) if x.shape[-1] == 3 else x[..., 0]

    found = {
        "rotate": lambda x, m, chance: transform.rotate(x, m, order=1),
        "shear_x": lambda x, m, chance: warped(x, shear=(m, 0)),
        "shear_y": lambda x, m, chance: warped(x, shear=(0, m)),
        "zoom": lambda x, m, chance: warped(x, scale=m),
        "translate_x": lambda x, m, chance: warped(x, translation=(m * x.shape[1], 0)),
        "translate_y": lambda x, m, chance: warped(x, translation=(0, m * x.shape[0])),
        "swirl": lambda x, m, chance: transform.swirl(x, strength=m, radius=2 * x.shape[0]),
        "elastic": elastic,
        "erode": lambda x, m, chance: morphology.erosion(x, morphology.disk(1)[..., None]),
        "dilate": lambda x, m, chance: morphology.dilation(x, morphology.disk(1)[..., None]),
        "flip_horizontal": lambda x, m, chance: np.fliplr(x),
        "flip_vertical": lambda x, m, chance: np.flipud(x),
        "brightness": lambda x, m, chance: np.clip(exposure.adjust_gamma(x, 1, m), 0, 1),
        "contrast": lambda x, m, chance: blend(grey(x).mean(), x, m),
        "cutout": cut,
        "noise": lambda x, m, chance: util.random_noise(x, "gaussian", rng=chance, var=m**2),
        "blur": lambda x, m, chance: filters.gaussian(x, m, mode="nearest", channel_axis=-1),
        "colour": lambda x, m, chance: blend(color.gray2rgb(color.rgb2gray(x)), x, m),
        "hue": lambda x, m, chance: hued(x, m),
    }
    return found, lambda x: x, np.stack


def torchvision_functions():
    """Functionals v2 of torchvision; a call takes one magnitude, so a batch of many is many calls."""
    import torch

    # A torchvision built for another torch has no compiled operators; its transforms need none, only their names.
    names = torch.library.Library("torchvision", "FRAGMENT")
    if not hasattr(torch.ops.torchvision, "nms"):
        for name in ("nms", "qnms"):
            names.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.transforms.v2 import functional

    def affine(x, *, angle=0.0, way=(0, 0), scale=1.0, shear=(0.0, 0.0)):
        return functional.affine(x, angle, list(way), scale, list(shear), functional.InterpolationMode.BILINEAR)

    def elastic(x, m, chance):
        ways = torch.from_numpy(chance.uniform(-1, 1, (1, 2, *x.shape[-2:]))).float()
        size = [2 * int(0.15 * side * 4) + 1 for side in x.shape[-2:]]
        ways = functional.gaussian_blur(ways, size, [0.15 * x.shape[-1]] * 2) * m * 10
        return functional.elastic(x, ways.permute(0, 2, 3, 1))

    found = {
        "rotate": lambda x, m, chance: affine(x, angle=m),
        "shear_x": lambda x, m, chance: affine(x, shear=(math.degrees(m), 0.0)),
        "shear_y": lambda x, m, chance: affine(x, shear=(0.0, math.degrees(m))),
        "zoom": lambda x, m, chance: affine(x, scale=m),
        "translate_x": lambda x, m, chance: affine(x, way=(m * x.shape[-1], 0)),
        "translate_y": lambda x, m, chance: affine(x, way=(0, m * x.shape[-2])),
        "elastic": elastic,
        "flip_horizontal": lambda x, m, chance: functional.horizontal_flip(x),
        "flip_vertical": lambda x, m, chance: functional.vertical_flip(x),
        "brightness": lambda x, m, chance: functional.adjust_brightness(x, m),
        "contrast": lambda x, m, chance: functional.adjust_contrast(x, m),
        "colour": lambda x, m, chance: functional.adjust_saturation(x, m),
        "hue": lambda x, m, chance: functional.adjust_hue(x, m),
        "noise": lambda x, m, chance: functional.gaussian_noise(x, sigma=m),
        "blur": lambda x, m, chance: functional.gaussian_blur(x, [7, 7], [m, m]),
    }
    return found, lambda x: torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 0))), torch.stack


def albumentations_functions():
    """Transforms of albumentations, which draw their own magnitudes within the same bounds."""
    import albumentations

    made = {
        "rotate": albumentations.Rotate((-30, 30), p=1),
        "shear_x": albumentations.Affine(shear={"x": (-17, 17), "y": (0, 0)}, p=1),
        "shear_y": albumentations.Affine(shear={"x": (0, 0), "y": (-17, 17)}, p=1),
        "zoom": albumentations.Affine(scale=(0.75, 1.25), p=1),
        "translate_x": albumentations.Affine(translate_percent={"x": (-0.2, 0.2), "y": (0, 0)}, p=1),
        "translate_y": albumentations.Affine(translate_percent={"x": (0, 0), "y": (-0.2, 0.2)}, p=1),
        "elastic": albumentations.ElasticTransform(alpha=30, sigma=5, p=1),
        "erode": albumentations.Morphological((3, 3), "erosion", p=1),
        "dilate": albumentations.Morphological((3, 3), "dilation", p=1),
        "flip_horizontal": albumentations.HorizontalFlip(p=1),
        "flip_vertical": albumentations.VerticalFlip(p=1),
        "brightness": albumentations.ColorJitter((0.5, 1.5), (1, 1), (1, 1), (0, 0), p=1),
        "contrast": albumentations.ColorJitter((1, 1), (0.5, 1.5), (1, 1), (0, 0), p=1),
        "colour": albumentations.ColorJitter((1, 1), (1, 1), (0.5, 1.5), (0, 0), p=1),
        "hue": albumentations.ColorJitter((1, 1), (1, 1), (1, 1), (-0.1, 0.1), p=1),
        "cutout": albumentations.CoarseDropout((1, 1), (0.05, 0.5), (0.05, 0.5), p=1),
        "noise": albumentations.GaussNoise((0, 0.1), p=1),
        "blur": albumentations.GaussianBlur((0, 0), (0.1, 1.5), p=1),
    }
    return (
        {n: functools.partial(lambda t, x, m, chance: t(image=x)["image"], t) for n, t in made.items()},
        None,
        np.stack,
    )


def main():
    images = np.load(sys.argv[1])
    with open(sys.argv[2]) as file:  # noqa: PTH123 - nothing else here needs pathlib
        magnitudes = json.load(file)
    libraries, missing = {}, {}
    for name in ("skimage", "torchvision", "albumentations"):
        try:
            functions, prepared, joined = globals()[f"{name}_functions"]()
        except Exception as error:
            missing[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        libraries[name] = functions, [prepared(x) if prepared else x for x in images], joined
    print(json.dumps({"has": {n: sorted(found[0]) for n, found in libraries.items()}, "missing": missing}), flush=True)
    chance = np.random.default_rng(0)
    for line in sys.stdin:
        library, name = line.split()
        functions, batch, joined = libraries[library]
        function = functions[name]
        started = time.perf_counter(), time.process_time()
        joined([function(x, m, chance) for x, m in zip(batch, magnitudes[name], strict=True)])
        print(time.perf_counter() - started[0], time.process_time() - started[1], flush=True)


if __name__ == "__main__":
    main()

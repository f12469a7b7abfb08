"""Image functions: batched in torch, on any device, a magnitude for each image.

Needs the extra ``torch``.
"""

from labelwright.core.errors import MissingExtraError

try:
    from .affine import rotate, shear_x, shear_y, translate_x, translate_y, zoom
    from .bending import elastic, swirl
    from .colours import brightness, colour, contrast, hue
    from .flips import cutout, flip_horizontal, flip_vertical
    from .grain import blur, noise
    from .morphology import dilate, erode
    from .reading import as_images, to_arrays
    from .sets import cifar_functions, mnist_functions, standard
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise MissingExtraError("labelwright.augmentation.images", "torch") from error

__all__ = [
    "as_images",
    "blur",
    "brightness",
    "cifar_functions",
    "colour",
    "contrast",
    "cutout",
    "dilate",
    "elastic",
    "erode",
    "flip_horizontal",
    "flip_vertical",
    "hue",
    "mnist_functions",
    "noise",
    "rotate",
    "shear_x",
    "shear_y",
    "standard",
    "swirl",
    "to_arrays",
    "translate_x",
    "translate_y",
    "zoom",
]

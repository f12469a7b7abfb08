"""The image classifier: it learns, it is scikit-learn's, and a saved one answers the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.base import clone

from labelwright.core import SoftLabels
from labelwright.core.errors import DataError, ModelError, NotFittedError
from labelwright.endmodels.torch import ImageClassifier, resnet, small_cnn


def _bars(n=60, size=16, seed=0):
    """Pictures of an upright or a lying bar, as levels from 0 to 255."""
    chance = np.random.default_rng(seed)
    images = chance.integers(0, 60, size=(n, size, size), dtype=np.uint8)
    upright = chance.integers(2, size=n)
    for image, is_upright, at in zip(images, upright, chance.integers(2, size - 2, size=n), strict=True):
        (image.T if is_upright else image)[at] = 255
    return images, upright


def _fitted(**settings):
    images, upright = _bars()
    return ImageClassifier(epochs=12, batch_size=20, device="cpu", **settings).fit(images, np.eye(2)[upright])


def test_it_learns_from_soft_labels_and_names_classes():
    images, upright = _bars()
    soft = SoftLabels(np.where(upright[:, None] == [0, 1], 0.8, 0.2), classes=["lying", "upright"])
    model = ImageClassifier(epochs=12, batch_size=20, device="cpu").fit(images, soft)
    new, truth = _bars(seed=1)
    assert model.classes_.tolist() == ["lying", "upright"]
    assert ((model.predict(new) == "upright") == truth).mean() > 0.9
    np.testing.assert_allclose(model.predict_proba(new).sum(axis=1), 1, atol=1e-6)
    assert model.score(new, np.where(truth, "upright", "lying")) > 0.9


def test_levels_and_shares_are_the_same_images():
    model = _fitted()
    images, _ = _bars(seed=1)
    shares = images[:, None].astype(np.float32) / 255
    np.testing.assert_allclose(model.predict_proba(images), model.predict_proba(shares), atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(images[..., None]), model.predict_proba(torch.from_numpy(shares)))


def test_the_same_seed_gives_the_same_model():
    images, _ = _bars(seed=1)
    first, again, other = (_fitted(random_state=seed).predict_proba(images) for seed in (0, 0, 1))
    assert (first == again).all()
    assert not (first == other).all()


def test_a_saved_model_answers_the_same_and_holds_no_pickle(tmp_path):
    model = _fitted()
    images, _ = _bars(seed=1)
    model.save(tmp_path / "m")
    model.save(tmp_path / "m")
    again = ImageClassifier.load(tmp_path / "m", device="cpu")
    assert (again.predict_proba(images) == model.predict_proba(images)).all()
    assert (again.predict(images) == model.predict(images)).all()
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["model.json", "weights.safetensors"]


def test_a_network_of_ones_own_is_named_again_at_loading(tmp_path):
    def mine(channels, classes):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(channels * 256, classes))

    model = _fitted(network=mine)
    model.save(tmp_path / "m")
    with pytest.raises(ModelError, match="pass network="):
        ImageClassifier.load(tmp_path / "m")
    with pytest.raises(ModelError, match="of another network"):
        ImageClassifier.load(tmp_path / "m", network=small_cnn)
    images, _ = _bars(seed=1)
    again = ImageClassifier.load(tmp_path / "m", network=mine, device="cpu")
    assert (again.predict_proba(images) == model.predict_proba(images)).all()


def test_damaged_and_foreign_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="not a saved image classifier"):
        ImageClassifier.load(tmp_path / "absent")
    _fitted().save(tmp_path / "m")
    description = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps(description | {"kind": "text"}))
    with pytest.raises(DataError, match="holds a 'text' model"):
        ImageClassifier.load(tmp_path / "m")
    (tmp_path / "m" / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a saved image classifier"):
        ImageClassifier.load(tmp_path / "m")


def test_it_can_be_cloned_and_says_when_it_is_not_fitted(tmp_path):
    model = clone(ImageClassifier("resnet", epochs=3))
    assert model.get_params()["epochs"] == 3
    with pytest.raises(NotFittedError):
        model.predict_proba(np.zeros((1, 1, 16, 16)))
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "m")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 16, 16)), r"shape \(n, channels, h, w\)"),
        (np.zeros((2, 1, 16, 16), dtype=np.uint8), r"\(n, h, w, 1 or 3\)"),
        (np.zeros((0, 1, 16, 16)), "n at least 1"),
    ],
)
def test_images_of_other_shapes_are_refused(images, message):
    with pytest.raises(ModelError, match=message):
        ImageClassifier().fit(images, np.full((len(images), 2), 0.5))


def test_other_channels_and_networks_are_refused():
    with pytest.raises(ModelError, match="has 3 channels"):
        _fitted().predict_proba(np.zeros((1, 3, 16, 16)))
    with pytest.raises(ModelError, match="allowed: 'small', 'resnet'"):
        _fitted(network="huge")


@pytest.mark.parametrize("size", [16, 28, 32, 45])
def test_networks_take_images_of_any_usual_size(size):
    assert small_cnn(3, 7)(torch.zeros(2, 3, size, size)).shape == (2, 7)
    assert resnet(3, 7, depth=14)(torch.zeros(2, 3, size, size)).shape == (2, 7)


def test_the_residual_network_is_the_published_one():
    # He et al. 2016, table 6: 0.27 million parameters at 20 layers, 0.85 at 56.
    for depth, millions in ((20, 0.27), (56, 0.85)):
        module = resnet(3, 10, depth=depth)
        assert sum(p.numel() for p in module.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)
        layers = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
        assert len(layers) == depth
    with pytest.raises(ModelError, match="6 n \\+ 2"):
        resnet(3, 10, depth=51)

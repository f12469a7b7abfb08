"""Saved end models: same answers, same bytes, no pickle, damage and strangers refused by name."""

from __future__ import annotations

import hashlib
import io
import json
import pickletools
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier

from labelwright.core import SoftLabels
from labelwright.core.errors import DataError, DataWarning, ModelError
from labelwright.endmodels import EndModel, fit_end_model, load, persistence, save

TEXTS = [
    "check out my channel",
    "subscribe to my channel",
    "i love this song",
    "what a söng ☕ \ud83d",
    None,
    "buy",
] * 4
SPAM = SoftLabels([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.3, 0.7]] * 4, classes=["ham", "spam"])
NUMBERS = {"a": [1.0, None, 3.0, 9.0] * 6, "b": [0, 1, 2, 3] * 6}


def _models():
    return {
        "text": (fit_end_model("text", ["text"], {"text": TEXTS}, SPAM), {"text": TEXTS}),
        "tabular": (fit_end_model("tabular", ["a", "b"], NUMBERS, SoftLabels(SPAM.probs)), NUMBERS),
    }


@pytest.mark.parametrize("kind", ["text", "tabular"])
def test_a_loaded_model_answers_bit_for_bit_alike(kind, tmp_path):
    model, columns = _models()[kind]
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert (again.kind, again.fields, again.classes) == (model.kind, model.fields, model.classes)
    np.testing.assert_array_equal(again.predict_proba(columns), model.predict_proba(columns))


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save(_models()["text"][0], tmp_path / name)
    for file in ("model.json", "estimator.skops"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_second_save_of_a_loaded_model_changes_nothing(tmp_path):
    model, columns = _models()["text"]
    save(model, tmp_path / "model")
    save(load(tmp_path / "model"), tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(columns), model.predict_proba(columns))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model"]


def test_no_file_holds_a_pickle(tmp_path):
    save(_models()["tabular"][0], tmp_path / "model")
    archive = zipfile.ZipFile(tmp_path / "model" / "estimator.skops")
    for name in archive.namelist():
        content = archive.read(name)
        assert name.endswith((".json", ".npy"))
        if name.endswith(".npy"):
            np.load(io.BytesIO(content), allow_pickle=False)
        with pytest.raises((ValueError, UnicodeDecodeError)):
            list(pickletools.genops(content))


@pytest.mark.slow
def test_another_process_without_a_project_can_use_it(tmp_path):
    model, _ = _models()["text"]
    save(model, tmp_path / "model")
    code = (
        "from labelwright.endmodels import load\n"
        f"print(load({str(tmp_path / 'model')!r}).predict_proba({{'text': ['my channel']}})[0, 1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert float(done.stdout) == model.predict_proba({"text": ["my channel"]})[0, 1]


def test_damage_is_noticed(tmp_path):
    save(_models()["tabular"][0], tmp_path / "model")
    payload = bytearray((tmp_path / "model" / "estimator.skops").read_bytes())
    payload[len(payload) // 2] ^= 1
    (tmp_path / "model" / "estimator.skops").write_bytes(payload)
    with pytest.raises(DataError, match="damaged or was changed"):
        load(tmp_path / "model")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}'])
def test_a_description_that_is_none_is_refused(content, tmp_path):
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(DataError, match=r"model\.json"):
        load(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="is not a saved end model"):
        load(tmp_path / "nowhere")


def test_a_newer_format_is_refused(tmp_path):
    save(_models()["tabular"][0], tmp_path / "model")
    _describe(tmp_path / "model", format=2)
    with pytest.raises(DataError, match=r"format 2; this version reads 1"):
        load(tmp_path / "model")


def test_a_payload_that_does_not_match_its_description_is_refused(tmp_path):
    save(_models()["tabular"][0], tmp_path / "model")
    _describe(tmp_path / "model", classes=["ham", "spam"])
    with pytest.raises(DataError, match="does not hold the model"):
        load(tmp_path / "model")


class Stranger:
    """A type that is not on the allow-list."""


def test_unknown_types_are_refused_by_name_and_never_built(tmp_path):
    model, _ = _models()["tabular"]
    save(model, tmp_path / "model")
    evil = skops.io.dumps({"estimator": Stranger()})
    (tmp_path / "model" / "estimator.skops").write_bytes(evil)
    _describe(tmp_path / "model", sha256=hashlib.sha256(evil).hexdigest())
    with pytest.raises(DataError, match=r"Stranger.*trusted="):
        load(tmp_path / "model")


def test_an_estimator_of_unknown_types_must_be_trusted_on_both_sides(tmp_path):
    forest = RandomForestClassifier(3, random_state=0)
    model = fit_end_model("tabular", ["b"], NUMBERS, SPAM, estimator=forest)
    with pytest.raises(ModelError, match=r"trusted=\['sklearn\.tree\._tree\.Tree'\]"):
        save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    save(model, tmp_path / "model", trusted=["sklearn.tree._tree.Tree"])
    with pytest.raises(DataError, match="Tree"):
        load(tmp_path / "model")
    again = load(tmp_path / "model", trusted=["sklearn.tree._tree.Tree"])
    np.testing.assert_array_equal(again.predict_proba(NUMBERS), model.predict_proba(NUMBERS))


def test_another_version_of_scikit_learn_is_a_warning_that_names_both(tmp_path):
    save(_models()["tabular"][0], tmp_path / "model")
    _describe(tmp_path / "model", libraries={"scikit-learn": "0.1"})
    with pytest.warns(DataWarning, match=r"written with scikit-learn 0\.1, and this is"):
        load(tmp_path / "model")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(DataError, match="left alone"):
        save(_models()["tabular"][0], tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_a_failure_while_writing_leaves_the_old_model(tmp_path, monkeypatch):
    model, _ = _models()["tabular"]
    save(model, tmp_path / "model")

    def full(*_args):
        raise OSError("no space left on device")

    monkeypatch.setattr(persistence, "atomic_write", full)
    with pytest.raises(OSError, match="no space"):
        save(model, tmp_path / "model")
    monkeypatch.undo()
    assert isinstance(load(tmp_path / "model"), EndModel)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model"]


def test_a_text_model_is_small(tmp_path):
    words = np.random.default_rng(0).integers(0, 5000, size=(2000, 12))
    texts = [" ".join(f"word{w}" for w in row) for row in words]
    soft = SoftLabels(np.eye(2)[words[:, 0] % 2])
    save(fit_end_model("text", ["text"], {"text": texts}, soft), tmp_path / "model")
    model = load(tmp_path / "model")
    terms = len(model.estimator.estimator_.named_steps["features"].get_feature_names_out())
    # A coefficient and an idf of 8 bytes each, and the term itself; a dict of terms takes hundreds of bytes each.
    assert (tmp_path / "model" / "estimator.skops").stat().st_size < 32 * terms


def _describe(folder, **changes):
    description = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(description | changes))

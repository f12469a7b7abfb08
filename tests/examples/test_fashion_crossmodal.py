from __future__ import annotations

import io

import polars as pl
import pytest
from PIL import Image

from labelwright.core.tasks import NOT_APPLICABLE
from labelwright.pipeline.settings import read_settings
from labelwright.pipeline.supervision import load_functions

from .conftest import EXAMPLES

STYLES = """id,gender,masterCategory,subCategory,articleType,usage,productDisplayName
7,Men,Apparel,Topwear,Tshirts,Casual,Puma Men Red Tshirt
8,Women,Apparel,Saree,Sarees,Ethnic,Prafful Rust Printed Sari
9,Women,Footwear,Shoes,Heels,,Catwalk Women Black Heels
10,Men,Free Items,Free Gifts,Free Gifts,Casual,A gift
11,Men,Accessories,Socks,Socks,Casual,No photo of it
"""


@pytest.fixture
def public_folder(tmp_path):
    folder = tmp_path / "fashion-product-images-small"
    (folder / "images").mkdir(parents=True)
    (folder / "styles.csv").write_text(STYLES, encoding="utf-8")
    photo = io.BytesIO()
    Image.new("RGB", (60, 80)).save(photo, "JPEG")
    for name in (7, 8, 9, 10):
        (folder / "images" / f"{name}.jpg").write_bytes(photo.getvalue())
    return folder


def test_gold_follows_the_tree(public_folder, tmp_path, load_module):
    load = load_module("fashion_crossmodal", "load")
    items = pl.read_parquet(load.load(public_folder, tmp_path / "out")).sort("id")
    assert items["id"].to_list() == [7, 8, 9, 10]
    assert items["apparel"].to_list() == ["Topwear", "Other", NOT_APPLICABLE, None]
    assert items["topwear"].to_list() == ["Tshirts", NOT_APPLICABLE, NOT_APPLICABLE, None]
    assert items["shoes"].to_list() == [NOT_APPLICABLE, NOT_APPLICABLE, "Heels", None]
    assert items["usage"].to_list() == ["Casual", "Ethnic", None, "Casual"]
    graph = read_settings(EXAMPLES / "fashion_crossmodal", several_tasks=True).graph
    feasible = set(map(tuple, graph.feasible().tolist()))
    known = items.filter(pl.all_horizontal(pl.col(list(graph.names)).is_not_null()))
    assert known.height == 2
    assert all(graph.coded(row) in feasible for row in known.select(graph.names).iter_rows())


def test_says_where_the_data_comes_from_when_it_is_not_there(tmp_path, load_module, monkeypatch):
    monkeypatch.delenv("LABELWRIGHT_DATA", raising=False)
    with pytest.raises(SystemExit, match="--source"):
        load_module("fashion_crossmodal", "load").load(None, tmp_path)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Aurelia Women Black Kurta", {"topwear": {"Kurtas"}, "usage": {"Ethnic"}, "gender": {"Women"}}),
        ("Puma Men Solid White Polo T-Shirt", {"topwear": {"Tshirts"}, "gender": {"Men"}}),
        ("Jealous 21 Women Solid Purple SweatShirt", {"topwear": {"Sweatshirts"}}),
        ("Carlton London Women Peep Toes", {"shoes": {"Heels"}, "category": {"Footwear"}}),
    ],
)
def test_functions_read_titles(title, said):
    votes: dict[str, set[str]] = {}
    for function in load_functions(EXAMPLES / "fashion_crossmodal"):
        for task, state in (function({"text": title}) or {}).items():
            votes.setdefault(task, set()).add(state)
    assert {task: votes.get(task) for task in said} == said


@pytest.mark.slow
def test_photos_learn_from_titles(data_root, load_module, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("LABELWRIGHT_DATA", str(data_root))
    path = load_module("fashion_crossmodal", "load").load(None, tmp_path)
    parts = pl.read_parquet(path).partition_by("split", maintain_order=True)
    small = pl.concat(part.head(300) for part in parts)
    run = load_module("fashion_crossmodal", "run")
    found = run.run(small, epochs=12, supervised=False)["titles"]
    value, n = found["category"]
    # A little over half of the photos show apparel.
    largest = small.filter(pl.col("split") == "test")["category"].value_counts()["count"].max()
    assert value > largest / n + 0.1
    assert "category" in run.table({"titles": found})

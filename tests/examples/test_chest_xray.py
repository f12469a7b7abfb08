from __future__ import annotations

import tarfile

import polars as pl
import pytest

import labelwright as lw

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<eCitation>
<meta type="rr"/>
<uId id="{name}"/>
<MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="INDICATION">Positive TB test</AbstractText>
<AbstractText Label="FINDINGS">{findings}</AbstractText>
<AbstractText Label="IMPRESSION">{impression}</AbstractText>
</Abstract></Article></MedlineCitation>
<MeSH>{mesh}</MeSH>
</eCitation>
"""


@pytest.fixture
def public_folder(tmp_path):
    folder = tmp_path / "ecgen-radiology"
    folder.mkdir()
    said = {
        "1": ("The lungs are clear.\n  Heart size is normal.", "Normal chest.", "<major>normal</major>"),
        "2": ("", "Mild cardiomegaly.", "<major>Cardiomegaly/mild</major><automatic>Cardiomegaly</automatic>"),
        "3": ("", "", "<major>normal</major>"),
        "4": ("Clear lungs.", "", "<major>No Indexing</major>"),
    }
    for name, (findings, impression, mesh) in said.items():
        content = REPORT.format(name=f"CXR{name}", findings=findings, impression=impression, mesh=mesh)
        (folder / f"{name}.xml").write_text(content, encoding="utf-8")
    return folder


def test_reads_the_folder_and_the_archive(public_folder, tmp_path, load_module):
    load = load_module("chest_xray", "load")
    archive = tmp_path / "NLMCXR_reports.tgz"
    with tarfile.open(archive, "w:gz") as opened:
        opened.add(public_folder, "ecgen-radiology")
    tables = [pl.read_parquet(load.load(source, tmp_path / "out")) for source in (public_folder, archive)]
    assert tables[0].equals(tables[1])
    assert tables[0]["id"].to_list() == ["CXR1", "CXR2", "CXR4"]
    assert tables[0]["label"].to_list() == ["normal", "abnormal", None]
    assert tables[0]["text"][0] == (
        "COMPARISON: None. INDICATION: Positive TB test FINDINGS: The lungs are clear. Heart size is normal. "
        "IMPRESSION: Normal chest."
    )


def test_a_report_keeps_its_split(load_module):
    load = load_module("chest_xray", "load")
    splits = [load.split_of(f"CXR{i}") for i in range(4000)]
    for split, share in load.SPLIT_SHARES.items():
        assert splits.count(split) / 4000 == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("text", "asserted"),
    [
        ("FINDINGS: No pleural effusion. IMPRESSION: Clear.", ["", "clear"]),
        ("FINDINGS: Lungs are clear without effusion but with scarring.", ["lungs are clear but with scarring"]),
        ("INDICATION: pneumonia FINDINGS: No change in the granuloma.", ["in the granuloma"]),
        ("FINDINGS: A mass is not seen. There is a 1.5 cm nodule.", ["", "there is a 1.5 cm nodule"]),
    ],
)
def test_findings_keeps_what_is_asserted(text, asserted, load_module):
    supervision = load_module("chest_xray", "supervision")
    found = supervision.findings({"text": text})
    # Denied words leave blanks behind.
    assert [" ".join(part.split()) for part in found.asserted] == asserted


@pytest.mark.slow
def test_soft_labels_rank_unseen_reports_without_gold(project):
    """Issue A: ROC AUC of the label model's soft labels on test at least 0.92."""
    folder = project("chest_xray")
    result = folder.run()
    (board,) = [board for board in result.scores if board.split == "test"]
    auc = {model.role: model.scores.roc_auc.value for model in board.models}
    assert result.splits == {"train": 2630, "valid": 376, "test": 378}
    assert auc["label model"] >= 0.92


def test_functions_read_the_text_alone(project):
    """The other columns of the collection are gold in disguise; what load.py writes does not even hold them."""
    folder = project("chest_xray")
    columns = pl.read_parquet_schema(folder.folder / "data" / "reports.parquet")
    assert list(columns) == ["id", "text", "split", "label"]
    blind = pl.DataFrame({"id": ["a"], "text": ["FINDINGS: Cardiomegaly. IMPRESSION: Cardiomegaly."]})
    votes = lw.apply(folder.functions, blind, id="id", classes=["normal", "abnormal"])
    assert votes.covered.all()


def test_urgency_says_what_may_hold(load_module):
    findings = load_module("chest_xray", "supervision").findings
    functions = {f.name: f for f in load_module("chest_xray", "urgency").functions(findings)}

    def said(text):
        votes = {name: function({"text": text}) for name, function in functions.items()}
        return {name: set(vote) if not isinstance(vote, str) else {vote} for name, vote in votes.items() if vote}

    clear = said("FINDINGS: No pleural effusion. IMPRESSION: No acute cardiopulmonary disease.")
    assert clear == {"nothing_acute": {"chronic", "N/A"}}
    assert said("FINDINGS: Large pneumothorax. IMPRESSION: Pneumothorax.") == {"air_outside": {"emergent"}}
    assert said("FINDINGS: Calcified granuloma. IMPRESSION: .")["healed_infection"] == {"chronic"}


def test_urgency_arises_only_where_something_is_abnormal(load_module):
    graph = load_module("chest_xray", "urgency").graph()
    named = {graph.named(vector) for vector in graph.feasible()}
    assert named == {("normal", "N/A"), ("abnormal", "chronic"), ("abnormal", "emergent")}

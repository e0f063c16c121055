"""``calcscope evaluate`` on tiny tables in the exact format of the public ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from calcscope.cli import app
from calcscope.evaluate.cbis_ddsm import Lesion
from calcscope.evaluate.malignancy import score_lesions

HEADER = (
    "patient_id,breast density,left or right breast,image view,abnormality id,abnormality type,calc type,"
    "calc distribution,assessment,pathology,subtlety,image file path,cropped image file path,"
    "ROI mask file path"
)


def row(woman: str, view: str, shape: str, distribution: str, pathology: str) -> str:
    return f"{woman},2,LEFT,{view},1,calcification,{shape},{distribution},4,{pathology},3,a,b,c"


def table(folder: Path) -> Path:
    """Two malignant and two benign worked-up lesions, and one that nobody worked up."""
    lines = [
        HEADER,
        row("A", "CC", "FINE_LINEAR_BRANCHING", "LINEAR", "MALIGNANT"),
        row("A", "MLO", "FINE_LINEAR_BRANCHING", "LINEAR", "MALIGNANT"),
        row("B", "CC", "PLEOMORPHIC", "SEGMENTAL", "MALIGNANT"),
        row("C", "CC", "PUNCTATE", "CLUSTERED", "BENIGN"),
        row("D", "CC", "AMORPHOUS", "REGIONAL", "BENIGN"),
        row("E", "CC", "PUNCTATE", "N/A", "BENIGN_WITHOUT_CALLBACK"),
    ]
    path = folder / "calc_case_description_test_set.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_table_of_descriptors_scores_the_shipped_model(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["evaluate", "--dataset", "cbis-ddsm-table", str(table(tmp_path)), "--out", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    shown = done.output.replace("│", " ").split()
    assert shown[shown.index("50%") - 2 : shown.index("50%")] == ["4", "4"]  # lesions and women
    assert "1.000" in shown  # every malignant lesion of the table is worded more suspiciously
    assert (out / "reliability-cbis-ddsm-table.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", HEADER + "\n"])
def test_a_table_without_what_is_needed_is_one_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    done = CliRunner().invoke(app, ["evaluate", "--dataset", "cbis-ddsm-table", str(path)])
    assert done.exit_code == 1
    assert "table.csv" in done.output
    assert "Traceback" not in done.output


def test_probabilities_follow_the_prevalence_and_their_order_does_not() -> None:
    lesions = [
        Lesion("A", "fine_linear", "linear", True),
        Lesion("B", "pleomorphic", "grouped", False),
        Lesion("C", "amorphous", "grouped", False),
    ]
    rare, common = score_lesions(lesions, 0.1), score_lesions(lesions, 0.6)
    assert np.all(rare.probability < common.probability)
    assert rare.auc == common.auc == 1
    odds = common.probability / (1 - common.probability) * (1 - rare.probability) / rare.probability
    assert odds == pytest.approx(0.6 / 0.4 / (0.1 / 0.9))

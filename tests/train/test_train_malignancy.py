"""How the malignancy model is made: what is left out of the table, and that the file is its product."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from calcscope.evaluate.cbis_ddsm import Lesion, read_lesions
from calcscope.train import malignancy as train

HEADER = "patient_id,left or right breast,image view,abnormality id,calc type,calc distribution,pathology"
ROWS = """
A,LEFT,CC,1,PLEOMORPHIC,CLUSTERED,MALIGNANT
A,LEFT,MLO,1,PLEOMORPHIC-FINE_LINEAR_BRANCHING,CLUSTERED-LINEAR,MALIGNANT
A,RIGHT,CC,1,PUNCTATE,CLUSTERED,BENIGN
B,LEFT,CC,1,PUNCTATE,N/A,BENIGN_WITHOUT_CALLBACK
C,LEFT,CC,1,PUNCTATE,N/A,BENIGN
D,LEFT,CC,1,N/A,CLUSTERED,MALIGNANT
E,LEFT,CC,1,LUCENT_CENTERED,CLUSTERED,BENIGN
F,LEFT,CC,1,COARSE-PLEOMORPHIC,LINEAR-SEGMENTAL,BENIGN
F,LEFT,CC,2,ROUND_AND_REGULAR-PUNCTATE-AMORPHOUS,REGIONAL,BENIGN
G,LEFT,CC,1,PUNCTATE,CLUSTERED,BENIGN_WITHOUT_CALLBACK
G,LEFT,MLO,1,AMORPHOUS,CLUSTERED,BENIGN
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(HEADER + ROWS, encoding="utf-8")
    return path


@pytest.fixture
def cbis(shared_data: Path) -> Path:
    path = shared_data / "cbis-ddsm" / "calc_case_description_train_set.csv"
    if not path.is_file():
        pytest.skip("the CBIS-DDSM table is not here")
    return path


def test_one_row_for_each_lesion_worked_up_and_described(table: Path) -> None:
    assert read_lesions(table) == [
        Lesion("A", "fine_linear", "linear", True),
        Lesion("A", "round_or_punctate", "grouped", False),
        Lesion("F", "pleomorphic", "segmental", False),
        Lesion("F", "amorphous", "regional", False),
        Lesion("G", "amorphous", "grouped", False),
    ]


def test_the_reference_levels_are_the_intercept_alone(table: Path) -> None:
    reference = [Lesion("Z", "pleomorphic", "grouped", True)]
    assert train.design(reference).tolist() == [[1.0] + [0.0] * (len(train.features()) - 1)]


def simulated(n: int, seed: int) -> tuple[train.Array, train.Array]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.random((n, 2)) < 0.4]).astype(float)
    y = (rng.random(n) < 1 / (1 + np.exp(-(x @ [-0.5, 1.0, -1.0])))).astype(float)
    return x, y


def test_the_fit_agrees_with_scikit_learn() -> None:
    x, y = simulated(500, seed=0)
    beta, _ = train.fit(x, y)
    peer = LogisticRegression(C=train.PRIOR_SD**2, tol=1e-10, max_iter=1000).fit(x[:, 1:], y)
    assert beta == pytest.approx([peer.intercept_[0], *peer.coef_[0]], abs=1e-5)


def test_writing_every_lesion_twice_for_a_woman_does_not_narrow_the_interval() -> None:
    x, y = simulated(500, seed=1)
    women = [str(i) for i in range(500)]
    beta, information = train.fit(x, y)
    once = train.clustered_covariance(x, y, beta, information, women)
    doubled_x, doubled_y = np.vstack([x, x]), np.concatenate([y, y])
    beta, information = train.fit(doubled_x, doubled_y)
    twice = train.clustered_covariance(doubled_x, doubled_y, beta, information, women * 2)
    assert np.diag(twice) == pytest.approx(np.diag(once), rel=0.05)


def test_no_woman_is_in_two_folds_of_a_partition(cbis: Path) -> None:
    lesions = read_lesions(cbis)
    women = np.array([lesion.woman for lesion in lesions])
    y = np.array([float(lesion.malignant) for lesion in lesions])
    probability, fold = train.cross_validate(train.design(lesions), y, women.tolist())
    assert np.isfinite(probability).all()
    for partition in fold:
        assert all(len(set(partition[women == woman])) == 1 for woman in set(women))


def test_the_shipped_file_is_what_the_table_gives_to_the_bit(cbis: Path, tmp_path: Path) -> None:
    train.main([str(cbis), "--out", str(tmp_path / "made.json")])
    shipped = (resources.files("calcscope.models") / "malignancy.json").read_bytes()
    assert (tmp_path / "made.json").read_bytes() == shipped


def test_the_table_is_used_as_the_card_says(cbis: Path) -> None:
    lesions = read_lesions(cbis)
    assert len(lesions) == 586
    assert len({lesion.woman for lesion in lesions}) == 520
    card = (resources.files("calcscope.models") / "malignancy.md").read_text(encoding="utf-8")
    assert "586 lesions of 520 women" in card
    assert "0.655 (95 % interval by woman 0.611 to 0.699)" in card

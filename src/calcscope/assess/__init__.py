"""Category, next step and reasons of each finding, each breast and the exam.

:func:`assess_finding` judges one finding by the rules of ``lexicon/data/rules.yaml``;
:func:`assess_exam` puts the findings of an exam together.
"""

from calcscope.assess.category import assess_finding
from calcscope.assess.exam import assess_exam
from calcscope.assess.model import (
    AssessSettings,
    ChangeFacts,
    ExamVerdict,
    FindingAssessment,
    FindingFacts,
    Malignancy,
    NextStep,
    Place,
    Reason,
)

__all__ = [
    "AssessSettings",
    "ChangeFacts",
    "ExamVerdict",
    "FindingAssessment",
    "FindingFacts",
    "Malignancy",
    "NextStep",
    "Place",
    "Reason",
    "assess_exam",
    "assess_finding",
]

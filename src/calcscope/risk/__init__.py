"""How likely a woman is to get breast cancer, by published models, each with the same interface.

from calcscope.risk import Answers, model

model("bcrat").risk(Answers(age=45, race="african_american", menarche=12, first_birth=24), until=50)
"""

from calcscope.risk.model import Answers, Contradiction, Risk, RiskModel, model, models

__all__ = ["Answers", "Contradiction", "Risk", "RiskModel", "model", "models"]

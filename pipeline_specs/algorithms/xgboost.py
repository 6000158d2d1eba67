"""SageMaker's built-in XGBoost.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html. Its hyperparameters, and the
ranges of a search, are settings of a project.
"""

from pipeline_specs.algorithms.algorithm import Algorithm, Image

XGBOOST = Algorithm(
    image=Image("xgboost", "3.0-5"),
    channels=("train", "validation"),
    content_type="text/csv",  # label first, no header
    evaluate="evaluate.py",
    objective=lambda metric: metric.objective,
)

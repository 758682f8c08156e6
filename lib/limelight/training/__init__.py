"""The story of a training run, without an orchestrator; `flows/train.py` tells it step by step.

A `request` names the data and the wishes; `load` turns it into rows at one commit, `prepare` into
a problem whose holdout no search sees; `conclude` chooses among what the searches found and makes
the predictor; `reasons` explains some of its predictions and draws the report.
"""

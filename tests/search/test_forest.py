"""The forest that is never certain."""

import pickle

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier

from limelight.search.forest import ForestWithPrior
from limelight.search.metrics import METRICS


def test_it_gives_every_class_a_chance_and_keeps_the_order_of_rows() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4))
    target = (x[:, 0] + rng.normal(size=400) > 1).astype("int64")
    plain = ExtraTreesClassifier(25, random_state=0).fit(x[:200], target[:200])
    ours = clone(ForestWithPrior(ExtraTreesClassifier(25, random_state=0))).fit(
        x[:200], target[:200]
    )
    votes, found = plain.predict_proba(x[200:]), ours.predict_proba(x[200:])
    assert votes.min() == 0.0 < found.min()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    auc, loss = METRICS["roc_auc"], METRICS["log_loss"]
    assert auc(target[200:], votes) == auc(target[200:], found)
    assert loss(target[200:], found) < loss(target[200:], votes)
    again = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(again.predict_proba(x[200:]), found)


def test_weights_count_in_the_shares_of_the_classes() -> None:
    x, target = np.arange(10.0)[:, None], np.repeat([0, 1], 5)
    weights = np.where(target == 1, 4.0, 1.0)
    model = ForestWithPrior(ExtraTreesClassifier(9, random_state=0)).fit(x, target, weights)
    np.testing.assert_allclose(model.shares_, [0.2, 0.8])

"""The spaces that TPOT's searches choose from."""

from __future__ import annotations

from typing import Any

from limelight.search.configuration import class_weight
from limelight.search.engine import SearchProblem
from limelight.search.features import FrameEncoder
from limelight.search.tpot_space import Beginning, Node, OneOf, Range, Space, Values
from limelight.search.tpot_trees import LOG, PLAIN, POISSON, TWEEDIE, Trees

# Nearest neighbours look at every row for every prediction.
_MOST_ROWS_FOR_NEIGHBOURS = 20_000


def build_space(problem: SearchProblem, seed: int, number: int) -> Space:
    """The space of a search: an even number has models, an odd one steps before all of them.

    Every model of an even one chooses the encoding that it takes. What a search begins with is
    cheap first, and is not what the portfolio of `limelight.search.portfolio` tries.
    """
    trees = Trees.of(problem, seed)
    smooth = _Smooth(problem, trees)
    return _models(trees, smooth) if number % 2 == 0 else _pipelines(trees, smooth)


def _models(trees: Trees, smooth: _Smooth) -> Space:
    lightgbm = trees.lightgbm(trees.encoders("native", "ordinal"))
    xgboost = trees.xgboost(trees.encoders("native", "ordinal"))
    catboost = trees.catboost()
    extra = trees.forest("ExtraTrees", trees.encoders("ordinal", "onehot"))
    random = trees.forest("RandomForest", trees.encoders("ordinal", "onehot"))
    straight, others = smooth.linear(), smooth.neighbours()
    # The portfolio has the other losses.
    poisson, tweedie = ({"loss": loss} if trees.amounts else {} for loss in (POISSON, TWEEDIE))
    log = {"target": LOG} if trees.skewed else {}
    entropy = {"criterion": "entropy"} if smooth.task.is_classification else {}
    few, quick = trees.few_columns, round(1.5 * trees.step, 2)
    smoothed = 6 * int(random.begin().values["min_samples_leaf"])
    first = [
        Beginning(lightgbm, {"num_leaves": 16, "learning_rate": quick, **poisson}),
        Beginning(
            lightgbm, {"extra_trees": True, "num_leaves": 40, "learning_rate": quick, **poisson}
        ),
        Beginning(straight, {**smooth.strong, **log}),
        Beginning(
            xgboost, {"max_depth": 4, "learning_rate": quick, "encoding": "ordinal", **poisson}
        ),
        Beginning(
            catboost,
            {"iterations": 300, "depth": 4, "random_strength": 2.0, "l2_leaf_reg": 5.0, **poisson},
        ),
        Beginning(straight, log, {0: smooth.quantiles, 1: smooth.kernel}),
        *(Beginning(node, steps={0: smooth.quantiles}) for node in others),
    ]
    later = [
        Beginning(
            lightgbm,
            {
                "num_leaves": 64,
                "min_child_samples": 40,
                "colsample_bytree": few,
                "encoding": "ordinal",
                **tweedie,
            },
        ),
        Beginning(extra, {"max_features": 1.0, "encoding": "onehot", **log}),
        Beginning(
            catboost, {"iterations": 500, "depth": 8, "rsm": 0.6, "l2_leaf_reg": 8.0, **tweedie}
        ),
        Beginning(
            xgboost,
            {"max_depth": 9, "min_child_weight": 1.0, "colsample_bytree": few, "subsample": 0.9},
        ),
        Beginning(random, {"max_features": 0.2, "min_samples_leaf": smoothed, **entropy}),
    ]
    nodes = (lightgbm, xgboost, catboost, extra, random, straight, *others)
    return Space(nodes, (*first, *later), len(first))


def _pipelines(trees: Trees, smooth: _Smooth) -> Space:
    """Standardised one-hot columns, perhaps scaled otherwise and selected, then a model."""
    onehot = {"onehot": FrameEncoder("onehot", "standard")}
    slots = (smooth.selectors,)
    made = [trees.lightgbm(onehot), trees.forest("ExtraTrees", onehot), trees.xgboost(onehot)]
    grown = [
        Node(node.name, node.make, node.tuned, onehot, slots, node.weight, node.cost)
        for node in made
    ]
    straight, others = smooth.linear(), smooth.neighbours()
    poisson = {"loss": POISSON} if trees.amounts else {}
    log = {"target": LOG} if trees.skewed else {}
    first = [
        Beginning(grown[0], poisson),
        Beginning(straight, log, {0: smooth.quantiles}),
        *(Beginning(node) for node in others),
        Beginning(straight, steps={1: smooth.kernel}),
        Beginning(grown[2], {"max_depth": 5}, {0: smooth.percentile}),
    ]
    later = [
        Beginning(grown[1], steps={0: smooth.percentile}),
        Beginning(grown[0], {"num_leaves": 48, "extra_trees": True}),
        Beginning(grown[1], {"max_features": 1.0}),
    ]
    return Space((*grown, straight, *others), (*first, *later), len(first))


class _Smooth:
    """Models that take standardised one-hot columns, and the steps in front of them."""

    def __init__(self, problem: SearchProblem, trees: Trees) -> None:
        from sklearn.decomposition import PCA
        from sklearn.feature_selection import SelectPercentile, f_classif, f_regression
        from sklearn.kernel_approximation import Nystroem
        from sklearn.preprocessing import QuantileTransformer

        self.problem = problem
        self.task = problem.task
        self.trees = trees
        seed = trees.seed
        # Much more regularised than what the baselines have.
        self.strong = {"C": 0.02} if self.task.is_classification else {"alpha": 100.0}
        width = float(f"{1 / max(1, problem.features.shape[1]):.1g}")
        relation = f_classif if self.task.is_classification else f_regression
        self.quantiles = _step(
            QuantileTransformer,
            {"output_distribution": "normal", "random_state": seed},
            {"n_quantiles": Range(20, 500, 200, log=True, whole=True)},
        )
        self.percentile = _step(
            SelectPercentile,
            {"score_func": relation},
            {"percentile": Range(10, 95, 60, whole=True)},
        )
        self.components = _step(
            PCA,
            {"svd_solver": "full", "random_state": seed},
            {"n_components": Range(0.5, 0.99, 0.95)},
        )
        self.kernel = _step(
            Nystroem,
            {"random_state": seed},
            {
                "n_components": Range(50, 800, 300, log=True, whole=True),
                "gamma": Range(0.03 * width, 3 * width, 0.3 * width, log=True),
            },
            cost=_cost_of_kernel,
        )

    @property
    def selectors(self) -> tuple[Node, ...]:
        return (self.percentile, self.components)

    @property
    def slots(self) -> tuple[tuple[Node, ...], ...]:
        return ((self.quantiles,), (*self.selectors, self.kernel))

    def linear(self) -> Node:
        """A linear model; behind a kernel it is a kernel machine."""
        from sklearn.linear_model import LogisticRegression, Ridge

        encoders = {"onehot": FrameEncoder("onehot", "standard")}
        if not self.task.is_classification:
            tuned: dict[str, Range | OneOf] = {"alpha": Range(0.01, 1000.0, 1.0, log=True)}

            def make(target: str = PLAIN, **values: Any) -> Any:
                return self.trees.scaled(Ridge(**values), target)

            return Node("Ridge", make, {**tuned, **self.trees.targets()}, encoders, self.slots)
        weight = class_weight(self.task)
        return Node(
            "LogisticRegression",
            lambda **values: LogisticRegression(max_iter=300, class_weight=weight, **values),
            {"C": Range(0.001, 100.0, 1.0, log=True)},
            encoders,
            self.slots,
        )

    def neighbours(self) -> list[Node]:
        """Nearest neighbours, where they can be of use."""
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        # They know no weights, and are sure of what nobody can be sure of.
        unfit = self.problem.weights is not None or self.task.metric == "log_loss"
        if unfit or len(self.problem.target) > _MOST_ROWS_FOR_NEIGHBOURS:
            return []
        method = KNeighborsClassifier if self.task.is_classification else KNeighborsRegressor
        tuned: dict[str, Range | OneOf] = {
            "n_neighbors": Range(3, 100, 25, log=True, whole=True),
            "weights": OneOf(("uniform", "distance"), "distance"),
            "p": OneOf((1, 2), 1),
        }
        return [
            Node(
                "KNeighbors",
                lambda **values: method(n_jobs=1, **values),
                tuned,
                {"onehot": FrameEncoder("onehot", "standard")},
                ((self.quantiles,), self.selectors),
            )
        ]


def _step(
    method: Any,
    fixed: Values,
    tuned: dict[str, Range | OneOf],
    cost: Any = None,
) -> Node:
    made = {} if cost is None else {"cost": cost}
    return Node(method.__name__, lambda **values: method(**fixed, **values), tuned, **made)


def _cost_of_kernel(values: Values) -> float:
    return float(values["n_components"]) / 100

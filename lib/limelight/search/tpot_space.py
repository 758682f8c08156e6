"""What TPOT searches: estimators and steps before them, with the ranges of their parameters.

Stock spaces have nodes that draw every parameter anew when they mutate. The nodes here also take
a small step from good values, start from known good ones, and cost nothing to copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from limelight.search.features import FrameEncoder


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, evenly or evenly by their logarithm."""

    low: float
    high: float
    start: float
    log: bool = False
    whole: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        return self._at(rng.uniform())

    def near(self, value: float, rng: np.random.Generator) -> float:
        """A small step away from a value."""
        low, high, now = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        return self._at(float(np.clip((now - low) / (high - low) + rng.normal(0, 0.15), 0, 1)))

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else float(value)

    def _at(self, share: float) -> float:
        low, high = self._scaled(self.low), self._scaled(self.high)
        value = low + share * (high - low)
        value = math.exp(value) if self.log else value
        # Four digits are enough for any parameter, and a person can read them.
        return round(value) if self.whole else float(f"{value:.4g}")


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    options: tuple[Any, ...]
    start: Any

    def draw(self, rng: np.random.Generator) -> Any:
        return self.options[int(rng.integers(len(self.options)))]

    def near(self, value: Any, rng: np.random.Generator) -> Any:
        return self.draw(rng) if rng.uniform() < 0.3 else value


@dataclass(frozen=True, eq=False)
class Node:
    """An estimator class with fixed parameters and ranges of the others.

    It behaves as one of TPOT's ``SearchSpace`` does.
    """

    method: Callable[..., Any]
    fixed: dict[str, Any] = field(default_factory=dict)
    tuned: dict[str, Range | OneOf] = field(default_factory=dict)

    def __deepcopy__(self, memo: Any) -> Node:
        # It never changes, and TPOT copies every individual several times.
        return self

    def generate(self, rng: Any = None) -> NodeIndividual:
        rng = np.random.default_rng(rng)
        return NodeIndividual(self, {name: kind.draw(rng) for name, kind in self.tuned.items()})

    def begin(self) -> NodeIndividual:
        """The individual with the known good parameters."""
        return NodeIndividual(self, {name: kind.start for name, kind in self.tuned.items()})


class NodeIndividual:
    """A node with values for its parameters; behaves as TPOT's ``SklearnIndividual`` does."""

    def __init__(self, node: Node, values: dict[str, Any]) -> None:
        self.node = node
        self.values = values

    @property
    def name(self) -> str:
        return getattr(self.node.method, "__name__", str(self.node.method))

    def mutate(self, rng: Any = None) -> bool:
        """Step from some of the values, or, one time in five, draw all anew."""
        if not self.values:
            return False
        rng = np.random.default_rng(rng)
        if rng.uniform() < 0.2:
            self.values = self.node.generate(rng).values
            return True
        names = list(self.values)
        chosen = {names[int(rng.integers(len(names)))]}
        chosen |= {name for name in names if rng.uniform() < 0.4}
        for name in names:
            if name in chosen:
                self.values[name] = self.node.tuned[name].near(self.values[name], rng)
        return True

    def crossover(self, other: NodeIndividual, rng: Any = None) -> bool:
        """Take about half of the values of another individual of the same node."""
        if self.node is not getattr(other, "node", None) or not self.values:
            return False
        rng = np.random.default_rng(rng)
        for name in self.values:
            if rng.uniform() < 0.5:
                self.values[name] = other.values[name]
        return True

    def export_pipeline(self, **kwargs: Any) -> Any:  # noqa: ARG002
        return self.node.method(**self.node.fixed, **self.values)

    def unique_id(self) -> str:
        return f"{self.name}({', '.join(f'{name}={self.values[name]}' for name in self.values)})"


def parts(individual: Any) -> list[NodeIndividual]:
    """The nodes of an individual in the order in which data passes them, without empty ones."""
    if isinstance(individual, NodeIndividual):
        return [] if individual.node.method is nothing else [individual]
    inner = [individual.node] if hasattr(individual, "node") else list(individual.pipeline)
    return [part for piece in inner for part in parts(piece)]


def nothing() -> str:
    """The step that does nothing, as scikit-learn's pipelines write it."""
    return "passthrough"


@dataclass(frozen=True)
class Space:
    """A search space, the kind of encoding in front of it, and where to begin.

    Args:
        root: TPOT's ``ChoicePipeline``.
        encoder: What turns the raw frame into the matrix that its pipelines take.
        beginnings: For each known good pipeline, its place in ``root.search_spaces`` and its
            nodes.
    """

    root: Any
    encoder: FrameEncoder
    beginnings: list[tuple[int, list[Node]]]

    def individuals(self, rng: np.random.Generator) -> Any:
        """Individuals without end: the known good ones, then random ones."""
        for place, nodes in self.beginnings:
            individual = self.root.generate(rng)
            chosen = self.root.search_spaces[place].generate(rng)
            if isinstance(chosen, NodeIndividual):
                chosen = nodes[0].begin()
            else:
                _set_steps(chosen, nodes)
            individual.node = chosen
            yield individual
        while True:
            yield self.root.generate(rng)


def _set_steps(sequence: Any, nodes: list[Node]) -> None:
    for step, node in zip(sequence.pipeline, nodes, strict=True):
        step.node = node.begin()


def trees_space(estimators: list[Node]) -> Space:
    """Tuned estimators on ordinal codes."""
    from tpot.search_spaces.pipelines import ChoicePipeline

    beginnings = [(place, [node]) for place, node in enumerate(estimators)]
    return Space(ChoicePipeline(estimators), FrameEncoder("ordinal"), beginnings)


def pipelines_space(
    scalers: list[Node],
    selectors: list[Node],
    smooth: list[Node],
    trees: list[Node],
) -> Space:
    """Standardised one-hot columns, perhaps scaled otherwise and selected, then a model."""
    from tpot.search_spaces.pipelines import ChoicePipeline, SequentialPipeline

    without = Node(nothing)
    root = ChoicePipeline(
        [
            SequentialPipeline(
                [
                    ChoicePipeline([without, *scalers]),
                    ChoicePipeline([without, *selectors]),
                    ChoicePipeline(models),
                ]
            )
            for models in (smooth, trees)
        ]
    )
    beginnings = [
        (place, [without, without, node])
        for place, models in enumerate((smooth, trees))
        for node in models
    ]
    return Space(root, FrameEncoder("onehot", "standard"), beginnings)

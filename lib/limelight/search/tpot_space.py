"""What TPOT searches: recipes of an encoding, perhaps some steps, and a model, with parameters.

Stock spaces draw every parameter anew when they mutate, half of the time another model too. The
recipes here take small steps from what is good, start from known good ones, carry the encoding
that they take, tell what they cost, and cost nothing to copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from limelight.search.features import FrameEncoder

Values = dict[str, Any]

#: How a recipe's encoding is called among the parameters of its model.
ENCODING = "encoding"
#: Share of the mutations that draw another recipe instead of stepping from the one there is.
_ELSEWHERE = 0.1
_OTHER_STEP = 0.25


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, evenly or evenly by their logarithm.

    Args:
        low, high, start: The ends, and a value that is known to be good.
        log: Whether the logarithm counts.
        whole: Whether they are whole numbers.
        grain: What two numbers must differ by to make a difference.
    """

    low: float
    high: float
    start: float
    log: bool = False
    whole: bool = False
    grain: float = 0.0

    def draw(self, rng: np.random.Generator) -> float:
        return self._at(rng.uniform())

    def near(self, value: float, rng: np.random.Generator) -> float:
        """A step away from a value: a small or a larger one."""
        low, high, now = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        width = rng.choice([0.08, 0.16, 0.3])
        return self._at(float(np.clip((now - low) / (high - low) + rng.normal(0, width), 0, 1)))

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else float(value)

    def _at(self, share: float) -> float:
        low, high = self._scaled(self.low), self._scaled(self.high)
        value = low + share * (high - low)
        value = math.exp(value) if self.log else value
        if self.whole:
            return round(value)
        if self.grain:
            value = min(self.high, max(self.low, self.grain * round(value / self.grain)))
        # Two digits are enough: nearer values give the same model again.
        return float(f"{value:.2g}")


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    options: tuple[Any, ...]
    start: Any

    def draw(self, rng: np.random.Generator) -> Any:
        return self.options[int(rng.integers(len(self.options)))]

    def near(self, value: Any, rng: np.random.Generator) -> Any:
        return self.draw(rng) if rng.uniform() < 0.5 else value


def _no_cost(values: Values) -> float:  # noqa: ARG001
    return 1.0


@dataclass(frozen=True, eq=False)
class Node:
    """A model, or a step in front of one, with the ranges of its parameters.

    Args:
        name: What it is called in the trials.
        make: Gives the unfitted estimator for values of the tuned parameters.
        tuned: Their ranges.
        encoders: The encodings that a model takes, by name; more than one are tuned, too.
        slots: Places for steps in front of a model; each holds one of some nodes, or none.
        weight: How often it is drawn, beside the other models of its space.
        cost: Usual seconds of a fit on some thousand rows, for values of the parameters; only
            the ratio of two counts.
    """

    name: str
    make: Callable[..., Any]
    tuned: dict[str, Range | OneOf] = field(default_factory=dict)
    encoders: dict[str, FrameEncoder] = field(default_factory=dict)
    slots: tuple[tuple[Node, ...], ...] = ()
    weight: float = 1.0
    cost: Callable[[Values], float] = _no_cost

    def __deepcopy__(self, memo: Any) -> Node:
        # It never changes, and TPOT copies every individual several times.
        return self

    @property
    def ranges(self) -> dict[str, Range | OneOf]:
        """The ranges of everything that is tuned, the encoding among it."""
        if len(self.encoders) < 2:
            return self.tuned
        names = tuple(self.encoders)
        return {**self.tuned, ENCODING: OneOf(names, names[0])}

    def draw(self, rng: np.random.Generator) -> Part:
        return Part(self, {name: kind.draw(rng) for name, kind in self.ranges.items()})

    def begin(self, **given: Any) -> Part:
        """The part with the known good parameters, but for those that are given.

        Raises:
            ValueError: A parameter is given that the node does not have.
        """
        values = {name: kind.start for name, kind in self.ranges.items()}
        if ENCODING not in values:  # of one encoding there is no choice
            given.pop(ENCODING, None)
        if unknown := given.keys() - values.keys():
            raise ValueError(f"{self.name} does not tune {', '.join(sorted(unknown))}")
        return Part(self, {**values, **given})


@dataclass
class Part:
    """A node with values for its parameters."""

    node: Node
    values: Values

    def make(self) -> Any:
        """The unfitted estimator."""
        return self.node.make(**{n: v for n, v in self.values.items() if n != ENCODING})

    def step_away(self, rng: np.random.Generator) -> None:
        """Change one or some of the values a little."""
        ranges, names = self.node.ranges, list(self.values)
        if not names:
            return
        chosen = {names[int(rng.integers(len(names)))]}
        chosen |= {name for name in names if rng.uniform() < 0.4}
        for name in names:
            if name in chosen:
                self.values[name] = ranges[name].near(self.values[name], rng)

    def mix_with(self, other: Part, rng: np.random.Generator) -> None:
        """Take about half of the values of another part of the same node."""
        for name in self.values:
            if rng.uniform() < 0.5:
                self.values[name] = other.values[name]

    def __str__(self) -> str:
        return f"{self.node.name}({', '.join(f'{n}={v}' for n, v in self.values.items())})"


class Recipe:
    """An individual of the search; behaves as one of TPOT's ``SklearnIndividual`` does.

    Args:
        space: Where it comes from.
        model: The last part.
        steps: What stands in the slots of the model's node; None where nothing does.
    """

    def __init__(self, space: Space, model: Part, steps: list[Part | None]) -> None:
        self.space = space
        self.model = model
        self.steps = steps

    @property
    def kind(self) -> str:
        """The kind of model."""
        return self.model.node.name

    @property
    def encoder(self) -> FrameEncoder:
        """The unfitted encoder in front of it."""
        encoders = self.model.node.encoders
        return encoders[self.model.values.get(ENCODING, next(iter(encoders)))]

    @property
    def parts(self) -> list[Part]:
        """The parts in the order in which data passes them."""
        return [*(step for step in self.steps if step is not None), self.model]

    @property
    def description(self) -> str:
        return " > ".join(part.node.name for part in self.parts)

    @property
    def parameters(self) -> Values:
        """The tuned parameters; those of steps before the model carry the step's name."""
        found: Values = {}
        for part in self.parts:
            prefix = "" if part is self.model else f"{part.node.name}."
            found.update({f"{prefix}{name}": value for name, value in part.values.items()})
        return found

    @property
    def cost(self) -> float:
        """As in `Node`."""
        return sum(part.node.cost(part.values) for part in self.parts)

    def export_pipeline(self, **kwargs: Any) -> Any:  # noqa: ARG002
        """The unfitted estimator, or pipeline, that takes what the encoder gives."""
        from sklearn.pipeline import make_pipeline

        made = [part.make() for part in self.parts]
        return make_pipeline(*made) if len(made) > 1 else made[0]

    def mutate(self, rng: Any = None) -> bool:
        """Step away a little; one time in ten, become another recipe of the space."""
        rng = np.random.default_rng(rng)
        if rng.uniform() < _ELSEWHERE:
            self.__dict__.update(self.space.draw(rng).__dict__)
            return True
        for place, options in enumerate(self.model.node.slots):
            if rng.uniform() < _OTHER_STEP:
                self.steps[place] = _drawn_step(options, rng)
        for part in self.parts:
            part.step_away(rng)
        return True

    def crossover(self, other: Recipe, rng: Any = None) -> bool:
        """Take about half of what another recipe with the same model has."""
        if self.model.node is not other.model.node:
            return False
        rng = np.random.default_rng(rng)
        self.model.mix_with(other.model, rng)
        for place, theirs in enumerate(other.steps):
            if rng.uniform() < 0.5:
                self.steps[place] = theirs and Part(theirs.node, dict(theirs.values))
        return True

    def unique_id(self) -> str:
        return " > ".join(map(str, self.parts))


@dataclass(frozen=True)
class Beginning:
    """A known good recipe: a node, its values where they are not the usual, steps by slot."""

    node: Node
    values: Values = field(default_factory=dict)
    steps: dict[int, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Space:
    """All recipes of a search, and those to begin with.

    Args:
        nodes: The models.
        beginnings: Known good recipes, cheap first.
        first: So many of them make the first generation; the others join the later ones.
    """

    nodes: tuple[Node, ...]
    beginnings: tuple[Beginning, ...]
    first: int = 1

    def __deepcopy__(self, memo: Any) -> Space:
        return self

    def draw(self, rng: np.random.Generator) -> Recipe:
        """A random recipe."""
        weights = np.array([node.weight for node in self.nodes])
        node = self.nodes[int(rng.choice(len(self.nodes), p=weights / weights.sum()))]
        return Recipe(self, node.draw(rng), [_drawn_step(options, rng) for options in node.slots])

    def begin(self, one: Beginning) -> Recipe:
        """The recipe to begin with."""
        chosen = [one.steps.get(place) for place in range(len(one.node.slots))]
        steps = [step.begin() if step is not None else None for step in chosen]
        return Recipe(self, one.node.begin(**one.values), steps)

    def recipes(self, rng: np.random.Generator, exact: bool = True) -> Iterator[Recipe]:
        """Recipes without end: the known good ones in their order, then random ones.

        Args:
            rng: Source of everything random.
            exact: Else a step away from the good ones, as another search begins with those.
        """
        for one in self.beginnings:
            recipe = self.begin(one)
            for part in recipe.parts if not exact else ():
                part.step_away(rng)
            yield recipe
        while True:
            yield self.draw(rng)


def _drawn_step(options: tuple[Node, ...], rng: np.random.Generator) -> Part | None:
    """A step, or none: as likely as each of them."""
    place = int(rng.integers(len(options) + 1))
    return options[place].draw(rng) if place < len(options) else None

"""TPOT's evolution with an own way of evaluating and of choosing who lives on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from limelight.search.tpot_space import Recipe

Evaluate = Callable[[list[Recipe]], list[float | None]]

#: The second best becomes a parent this often as often as the best, the third as the second.
_DECAY = 0.7
#: So many of one kind of model live on, besides the best of every other kind.
_SURVIVORS = 6
#: For so many children one joins that has no parents: first the rest of what is known to be good.
_JOINING = 4


class Evolution:
    """TPOT's population, crossover and mutation, a generation at a time.

    TPOT evaluates through a Dask cluster of its own, from the last individual to the first, and
    looks at its clock when one ends. Here a function evaluates a generation and decides all that
    itself. The best live on, and the best of each kind of model, as an ensemble wants both;
    the better one is, the more often it is a parent.

    Args:
        recipes: New individuals, without end.
        evaluate: From the individuals of a generation to their gains, None where there is none.
        first: Individuals of the first generation.
        brood: Individuals of each later one; some more join it that have no parents.
        rng: Source of everything random.
    """

    def __init__(
        self,
        recipes: Iterator[Recipe],
        evaluate: Evaluate,
        first: int,
        brood: int,
        rng: np.random.Generator,
    ) -> None:
        self.recipes = recipes
        self.evaluate = evaluate
        self.first = first
        self.brood = brood
        self.rng = rng
        self.evolver: Any = None
        self._gains: dict[str, float | None] = {}

    @property
    def is_alive(self) -> bool:
        """Whether any individual has a gain."""
        if self.evolver is None:
            return any(gain is not None for gain in self._gains.values())
        return len(self.evolver.population.population) > 0

    def next_generation(self) -> None:
        """Evaluate the first generation, or select, vary and evaluate the next one.

        Where nothing lives, those that join it are the generation.
        """
        if not self._gains:
            # TPOT takes seconds to import, and is not needed before the second generation.
            self._begun = [next(self.recipes) for _ in range(self.first)]
            gains = self.evaluate(self._begun)
            self._gains = {
                one.unique_id(): gain for one, gain in zip(self._begun, gains, strict=True)
            }
            return
        if self.evolver is None:
            self._start()
        if self.is_alive:
            self.evolver.step()
        else:
            self._evaluate_population()

    def _start(self) -> None:
        """Hand the first generation over to TPOT."""
        from tpot.evolvers import BaseEvolver

        self.evolver = BaseEvolver(
            individual_generator=iter(self._begun),
            objective_functions=[self.evaluate],
            objective_function_weights=[1],
            objective_names=["gain"],
            initial_population_size=self.first,
            population_size=self.brood,
            survival_selector=self._survivors,
            parent_selector=choose_parents,
            rng=self.rng,
        )
        # The step of the evolver calls this one of its methods for every generation.
        self.evolver.evaluate_population = self._evaluate_population
        population = list(self.evolver.population.population)
        self._enter(population, [self._gains.get(one.unique_id()) for one in population])
        self.evolver.generation += 1

    def _survivors(self, gains: Any, k: int, rng: Any = None) -> list[int]:  # noqa: ARG002
        """Places of the individuals that live on, as TPOT asks for them."""
        kinds = [recipe.kind for recipe in self.evolver.population.population]
        return survivors(np.ravel(gains), kinds)

    def _evaluate_population(self) -> None:
        """Have some join, and evaluate the individuals that have no gain yet."""
        evolver = self.evolver
        joining = [next(self.recipes) for _ in range(max(1, self.brood // _JOINING))]
        evolver.population.add_to_population(joining, rng=evolver.rng)
        waiting = list(evolver.get_unevaluated_individuals(evolver.objective_names))
        gains = self.evaluate(waiting)
        if waiting:
            self._enter(waiting, gains)

    def _enter(self, recipes: list[Recipe], gains: list[float | None]) -> None:
        """Tell TPOT the gains; who has none leaves."""
        population, names = self.evolver.population, self.evolver.objective_names
        values = [[np.nan if gain is None else gain] for gain in gains]
        faults = ["INVALID" if gain is None else None for gain in gains]
        population.update_column(recipes, column_names=names, data=values)
        population.update_column(recipes, column_names="Eval Error", data=faults)
        population.remove_invalid_from_population(column_names="Eval Error")


def survivors(gains: Any, kinds: list[str]) -> list[int]:
    """Places of the best ones, and of the best of each kind, the best first.

    Example:
        >>> survivors([0.5, 0.9, 0.7, 0.1], ["forest", "boosted", "boosted", "line"])
        [1, 2, 0, 3]
    """
    order = sorted(range(len(kinds)), key=lambda place: (-gains[place], place))
    first_of_kind = {kinds[place]: place for place in reversed(order)}
    kept = {*order[:_SURVIVORS], *first_of_kind.values()}
    return [place for place in order if place in kept]


def choose_parents(gains: Any, k: int, n_parents: int = 2, rng: Any = None) -> Any:
    """Places of parents, int, shape (k, n_parents): the better, the more often.

    Args:
        gains: Of the living, shape (n, 1).
        k: How many individuals will be made.
        n_parents: How many parents each may have.
        rng: Source of everything random.
    """
    order = np.argsort(-np.ravel(gains), kind="stable")
    chances = _DECAY ** np.arange(len(order))
    drawn = np.random.default_rng(rng).choice(
        len(order), size=(k, n_parents), p=chances / chances.sum()
    )
    return order[drawn]

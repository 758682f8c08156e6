"""TPOT's evolution with an own way of evaluating: in threads, in order, without a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Evaluate = Callable[[list[Any]], list[float | None]]


class Evolution:
    """TPOT's population, selection, crossover and mutation, a generation at a time.

    TPOT evaluates through a Dask cluster, from the last individual to the first, and looks at
    its clock when one ends. Here a function evaluates a generation and decides all that itself.

    Args:
        individuals: New individuals, without end.
        evaluate: From the individuals of a generation to their gains, None where there is none.
        population: How many individuals survive a generation, and how many are made in one.
        rng: Source of everything random.
    """

    def __init__(
        self,
        individuals: Iterator[Any],
        evaluate: Evaluate,
        population: int,
        rng: np.random.Generator,
    ) -> None:
        from tpot.evolvers import BaseEvolver
        from tpot.selectors import survival_select_NSGA2, tournament_selection_dominated

        self.evaluate = evaluate
        self.individuals = individuals
        self.evolver = BaseEvolver(
            individual_generator=individuals,
            objective_functions=[evaluate],
            objective_function_weights=[1],
            objective_names=["gain"],
            population_size=population,
            survival_selector=survival_select_NSGA2,
            parent_selector=tournament_selection_dominated,
            rng=rng,
        )
        # The step of the evolver calls this one of its methods for every generation.
        self.evolver.evaluate_population = self._evaluate_population

    @property
    def is_alive(self) -> bool:
        """Whether any individual has a gain."""
        return len(self.evolver.population.population) > 0

    def _evaluate_population(self) -> None:
        """Evaluate the individuals that have no gain yet; those without one leave."""
        evolver, population = self.evolver, self.evolver.population
        waiting = list(evolver.get_unevaluated_individuals(evolver.objective_names))
        gains = self.evaluate(waiting)
        if not waiting:
            return
        values = [[np.nan if gain is None else gain] for gain in gains]
        faults = ["INVALID" if gain is None else None for gain in gains]
        population.update_column(waiting, column_names=evolver.objective_names, data=values)
        population.update_column(waiting, column_names="Eval Error", data=faults)
        population.remove_invalid_from_population(column_names="Eval Error")

    def next_generation(self) -> None:
        """Evaluate the first generation, or select, vary and evaluate the next one.

        Where nothing lives, new individuals come instead.
        """
        evolver = self.evolver
        if evolver.generation == 0:
            self._evaluate_population()
            evolver.generation += 1
        elif self.is_alive:
            evolver.step()
        else:
            new = [next(self.individuals) for _ in range(evolver.population_size)]
            evolver.population.add_to_population(new, rng=evolver.rng)
            self._evaluate_population()

"""TPOT's evolution with an own way of evaluating: in threads, in order, without a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from tpot.evolvers import BaseEvolver
from tpot.selectors import survival_select_NSGA2, tournament_selection_dominated

Evaluate = Callable[[list[Any]], list[float | None]]


class Evolution(BaseEvolver):  # type: ignore[misc]
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
        self.evaluate = evaluate
        super().__init__(
            individual_generator=individuals,
            objective_functions=[evaluate],
            objective_function_weights=[1],
            objective_names=["gain"],
            population_size=population,
            survival_selector=survival_select_NSGA2,
            parent_selector=tournament_selection_dominated,
            rng=rng,
        )

    @property
    def is_alive(self) -> bool:
        """Whether any individual has a gain."""
        return len(self.population.population) > 0

    def evaluate_population(self) -> None:
        """Evaluate the individuals that have no gain yet; those without one leave."""
        waiting = list(self.get_unevaluated_individuals(self.objective_names))
        gains = self.evaluate(waiting)
        if not waiting:
            return
        values = [[np.nan if gain is None else gain] for gain in gains]
        faults = ["INVALID" if gain is None else None for gain in gains]
        self.population.update_column(waiting, column_names=self.objective_names, data=values)
        self.population.update_column(waiting, column_names="Eval Error", data=faults)
        self.population.remove_invalid_from_population(column_names="Eval Error")

    def next_generation(self) -> None:
        """Evaluate the first generation, or select, vary and evaluate the next one.

        Where nothing lives, new individuals come instead.
        """
        if self.generation == 0:
            self.evaluate_population()
            self.generation += 1
        elif self.is_alive:
            self.step()
        else:
            new = [next(self.individual_generator) for _ in range(self.population_size)]
            self.population.add_to_population(new, rng=self.rng)
            self.evaluate_population()

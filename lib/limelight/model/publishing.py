"""The fits behind what is published: which there is time for, and in which order."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from limelight.errors import SearchError
from limelight.model import latency
from limelight.model.ensemble import WeightedModel
from limelight.model.fitting import (
    SCORING_SECONDS,
    Fitted,
    Fitter,
    Job,
    Rows,
    normalised_weights,
    reseeded,
)
from limelight.search.candidate import Candidate
from limelight.search.evaluate import predict

#: Share of the time left that foreseen fits may fill: what is foreseen is often too little.
FILL = 0.8
#: Weight of a member without which an ensemble would be another model.
MOST_LEFT_OUT = 0.5
#: Each member is fitted again with another seed where there is time, and the mean is published.
#: Measured on 13 tables of 110 to 1,500 rows: two fits cut 0.8% of an ensemble's error, a third one
#: 0.1% more; five fits on four fifths of the rows each, as the folds leave them, added 1.9% to it.
ANOTHER_SEED = 1
#: With more rows another seed changes little, and a fit takes long; a larger model is large enough.
MOST_ROWS_FITTED_AGAIN = 20_000
MOST_BYTES_FITTED_AGAIN = 30e6


def refit_passes(training: Rows, held: Rows) -> float:
    """How much longer a fit on all rows takes than one on the training rows; 0 if none are held."""
    return 1 + len(held) / max(1, len(training)) if len(held) else 0.0


def within_time(
    weights: dict[str, float],
    pool: Sequence[Candidate],
    fitter: Fitter,
    training: Rows,
    held: Rows,
) -> dict[str, float]:
    """What of the wished is foreseen to be done in time: the heaviest confirmed, all published.

    The published fit on all rows comes before the verdict on the lighter members: a quarter more
    rows cut 7% of the error, on average, on the tables of `FITS`.
    """
    refit = refit_passes(training, held)
    left = FILL * (fitter.left - SCORING_SECONDS)
    by_id = {candidate.id: candidate for candidate in pool}

    def cost(names: Mapping[str, float]) -> float:
        lead = by_id[max(names, key=lambda name: names[name])]
        return fitter.foresee(
            [(lead, 1.0), *((by_id[name], refit or float(name != lead.id)) for name in names)]
        )

    while len(weights) > 1 and cost(weights) > left:
        total = cost(weights)
        saved = {
            name: total - cost({other: weights[other] for other in weights if other != name})
            for name in weights
        }
        # An engine's own start counts too: the last of its members takes it along.
        dear = max(weights, key=lambda name: (saved[name] / weights[name], -weights[name]))
        if weights[dear] > MOST_LEFT_OUT:
            break
        fitter.note(f"{dear} left the ensemble: there is no time to fit it.")
        weights = normalised_weights(weights, weights.keys() - {dear})
    if cost(weights) <= left or fitter.foresee([(by_id[n], 1.0) for n in weights]) <= left:
        return weights
    telling = [candidate for candidate in pool if not candidate.constant] or list(pool)
    quick = [c for c in telling if fitter.foresee([(c, 1.0)]) <= left]
    taken = quick[0] if quick else min(telling, key=lambda c: fitter.foresee([(c, 1.0)]))
    if taken.id not in weights:
        fitter.note(
            f"{taken.id} is published: {next(iter(weights))} is foreseen to take too long to fit."
        )
    if not quick:
        fitter.note(
            f"no candidate is foreseen to be fitted in the {max(0.0, fitter.left):.1f} s left; the"
            " fastest is taken."
        )
    return {taken.id: 1.0}


class Publication:
    """The fits of a choice, and what came of them.

    Args:
        fitter: Does them.
        training, held: The rows.
        candidates: By id, the best first.

    Attributes:
        confirmed: Candidate id to its fit on the training rows.
        models: Candidate id to its fits on all rows, one for each seed.
    """

    def __init__(
        self, fitter: Fitter, training: Rows, held: Rows, candidates: Mapping[str, Candidate]
    ) -> None:
        self.fitter = fitter
        self.training = training
        self.held = held
        self.everything = _joined(training, held) if len(held) else training
        self.candidates = candidates
        self.confirmed: dict[str, Fitted] = {}
        self.models: dict[str, list[Fitted]] = {}

    def fit(
        self, weights: dict[str, float], wanted: Sequence[Candidate], pool: Sequence[Candidate]
    ) -> dict[str, float]:
        """Fit what is to be published and whom the holdout is asked about.

        Returns:
            The members that could be fitted, with their weights.
        """
        heavy = sorted(weights, key=lambda name: -weights[name])
        self._run(heavy, [one.id for one in wanted if one.id not in weights])
        fitted = [name for name in weights if name in self.confirmed or name in self.models]
        for name in [one for one in weights if one not in fitted]:
            if fitted and name not in self.fitter.failed:
                self.fitter.note(f"{name} left the ensemble: there was no time to fit it.")
        if not fitted:
            return self._next_best(weights, pool)
        kept = normalised_weights(weights, fitted)
        self._fit_again([name for name in heavy if name in kept])
        if not any(name in self.confirmed for name in kept):
            # The verdict needs one of them, whatever the clock says.
            [done] = self.fitter.run([self._confirm(fitted[0], required=True)])
            if done is None:
                return self._next_best(weights, pool)
            self.confirmed[fitted[0]] = done
        self._say_how(kept)
        return kept

    def published(self, weights: Mapping[str, float]) -> tuple[tuple[Any, ...], tuple[float, ...]]:
        """The models of the members and their weights: fits of one member share its weight."""
        models: list[Any] = []
        shares: list[float] = []
        for name, weight in weights.items():
            own = self.models.get(name) or [self.confirmed[name]]
            models += [one.model for one in own]
            shares += [weight / len(own)] * len(own)
        return tuple(models), tuple(shares)

    def within(self, weights: dict[str, float], bound: float) -> dict[str, float]:
        """What keeps the bound as measured: second fits go first, then the dearest members."""
        task, frame = self.fitter.task, self.training.features

        def seconds(names: Mapping[str, float]) -> float:
            return latency.seconds_of(WeightedModel(*self.published(names), task), frame, task)

        if seconds(weights) > bound:
            self.models = {name: own[:1] for name, own in self.models.items()}
        while len(weights) > 1 and seconds(weights) > bound:
            alone = {name: seconds({name: 1.0}) for name in weights}
            confirmed = [name for name in weights if name in self.confirmed]
            # The verdict is of those that the holdout has seen.
            spare = [name for name in weights if [name] != confirmed]
            dear = max(spare, key=lambda name: alone[name] / weights[name])
            self.fitter.note(
                f"{dear} left the ensemble: with it, 1,000 rows took more than {1000 * bound:g} ms."
            )
            weights = normalised_weights(weights, weights.keys() - {dear})
        return weights

    def _run(self, heavy: Sequence[str], wanted: Sequence[str]) -> None:
        """All fits in the order of their worth, so that the cores are never idle."""
        refit = refit_passes(self.training, self.held)
        cheap = sorted(wanted, key=lambda name: self.candidates[name].fit_seconds)
        confirms = [self._confirm(heavy[0], required=True)]
        publishes = [self._publish(name, refit) for name in heavy] if refit else []
        others = [self._confirm(name) for name in (*heavy[1:], *cheap)]
        jobs = [*confirms, *publishes, *others]
        for job, done in zip(jobs, self.fitter.run(jobs), strict=True):
            if done is not None and job.rows is self.everything and refit:
                self.models[job.candidate.id] = [done]
            elif done is not None:
                self.confirmed[job.candidate.id] = done
        if not refit:
            self.models.update({name: [one] for name, one in self.confirmed.items()})
        for name in cheap:
            if name not in self.confirmed and name not in self.fitter.failed:
                described = self.candidates[name].description
                self.fitter.note(f"{name} ({described}) was not confirmed on the holdout: no time.")

    def _fit_again(self, heavy: Sequence[str]) -> None:
        """Second fits with another seed, where they make a difference."""
        if len(self.everything) > MOST_ROWS_FITTED_AGAIN:
            return
        passes = refit_passes(self.training, self.held) or 1.0
        jobs = [
            self._publish(name, passes, ANOTHER_SEED)
            for name in heavy
            if name in self.models and self._is_worth_another(name)
        ]
        for job, done in zip(jobs, self.fitter.run(jobs), strict=True):
            own = self.models[job.candidate.id]
            if done is not None and not np.array_equal(self._sample(done), self._sample(own[0])):
                own.append(done)

    def _is_worth_another(self, name: str) -> bool:
        """Whether a candidate has a seed, and a model of which there is room for two."""
        pipeline = self.candidates[name].pipeline
        if repr(reseeded(pipeline, ANOTHER_SEED)) == repr(pipeline):
            return False
        return len(pickle.dumps(self.models[name][0].model)) <= MOST_BYTES_FITTED_AGAIN

    def _sample(self, fitted: Fitted) -> Any:
        """What a fit says of new rows: each column's values moved on by a distance of its own."""
        frame = self.training.features.iloc[:50]
        places = np.arange(len(frame))
        moved = [
            frame[name].iloc[np.roll(places, at)].reset_index(drop=True)
            for at, name in enumerate(frame)
        ]
        return predict(fitted.model, pd.concat(moved, axis=1), self.fitter.task)

    def _confirm(self, name: str, *, required: bool = False) -> Job:
        candidate = self.candidates[name]
        return Job(candidate, self.training, self.held.features, required=required)

    def _publish(self, name: str, passes: float, again: int = 0) -> Job:
        nothing = self.held.features.iloc[:0]
        return Job(self.candidates[name], self.everything, nothing, passes, again)

    def _next_best(
        self, weights: Mapping[str, float], pool: Sequence[Candidate]
    ) -> dict[str, float]:
        """The best of those that can be fitted, where nothing of what was chosen can."""
        for candidate in {one.id: one for one in (*pool, *self.candidates.values())}.values():
            if candidate.id in weights:
                continue
            if candidate.id not in self.models:
                self._run([candidate.id], [])
            if candidate.id in self.confirmed:
                self.fitter.note(
                    f"{candidate.id} is published: what was chosen could not be fitted."
                )
                return {candidate.id: 1.0}
        raise SearchError(
            f"none of {len(self.candidates)} candidates could be fitted on the training rows.",
            f"The last said: {self.fitter.notes[-1]}",
        )

    def _say_how(self, weights: Mapping[str, float]) -> None:
        """Note what the published members were fitted on, and which of them the holdout judged."""
        trained = f"the {len(self.training)} training rows alone"
        for name in weights:
            if name not in self.models:
                self.fitter.note(f"{name} stays as it was fitted on {trained}.")
        judged_by = [name for name in weights if name in self.confirmed]
        if len(judged_by) < len(weights):
            self.fitter.note(
                f"the holdout judged {' and '.join(judged_by)} without the other members: there was"
                f" no time to fit those on {trained}."
            )
        twice = [name for name in weights if len(self.models.get(name, ())) > 1]
        if twice:
            self.fitter.note(
                f"published is the mean of two fits, with different seeds, of {', '.join(twice)};"
                " the holdout judged one fit of each."
            )


def _joined(training: Rows, held: Rows) -> Rows:
    weights = None
    if training.weights is not None and held.weights is not None:
        weights = np.concatenate([training.weights, held.weights])
    return Rows(
        pd.concat([training.features, held.features], ignore_index=True),
        np.concatenate([training.target, held.target]),
        weights,
    )

"""A flow of the shape of flows/train.py whose steps do nothing: what Metaflow alone costs.

time python benchmarks/bare_flow.py run
"""

from __future__ import annotations

from typing import Any

from metaflow import FlowSpec, step


class BareFlow(FlowSpec):
    """Three branches, a foreach in two of them, two levels of joins."""

    @step
    def start(self) -> None:
        self.next(self.baselines, self.tpot, self.autokeras)

    @step
    def baselines(self) -> None:
        self.next(self.choose)

    @step
    def tpot(self) -> None:
        self.planned = [0]
        self.next(self.search_tpot, foreach="planned")

    @step
    def search_tpot(self) -> None:
        self.next(self.gather_tpot)

    @step
    def gather_tpot(self, inputs: Any) -> None:
        self.next(self.choose)

    @step
    def autokeras(self) -> None:
        self.planned = [0]
        self.next(self.search_autokeras, foreach="planned")

    @step
    def search_autokeras(self) -> None:
        self.next(self.gather_autokeras)

    @step
    def gather_autokeras(self, inputs: Any) -> None:
        self.next(self.choose)

    @step
    def choose(self, inputs: Any) -> None:
        self.next(self.explain)

    @step
    def explain(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        pass


if __name__ == "__main__":
    BareFlow()  # type: ignore[no-untyped-call]

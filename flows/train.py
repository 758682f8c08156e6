"""Train: the best model for a versioned table, found by parallel searches, with its reasons.

python flows/train.py run                                   a bundled dataset, two minutes
python flows/train.py run --source loans.csv --target default --minutes 10
python flows/train.py run --dataset loans --ref v3 --trials 20
python flows/train.py resume                                after a failure
python flows/train.py card view explain                     look at the last run
"""

from pathlib import Path
from typing import Any

from metaflow import FlowSpec, Parameter, card, catch, retry, step

import limelight.cards  # makes the card known, and the library travel
import limelight.runs

BUNDLED = Path(__file__).resolve().parent.parent / "data"


class TrainFlow(FlowSpec):
    """The best model for a versioned table.

    Baselines, TPOT and AutoKeras search side by side on the same folds; the best candidates are
    combined, confirmed on rows that no search saw, fitted on all rows, and explained.
    """

    source = Parameter(
        "source",
        type=str,
        help="A CSV, TSV, Parquet or Feather file; it becomes a commit in the store first.",
    )
    dataset_option = Parameter(
        "dataset",
        type=str,
        help="Dataset in the store, or a bundled one.  [default: the source's name, or credit_g]",
    )
    ref = Parameter("ref", default="main", help="Branch, tag or commit of the dataset.")
    store = Parameter(
        "store",
        type=str,
        help="Where datasets are kept.  [default: $LIMELIGHT_STORE, or .limelight/store.db here]",
    )
    target = Parameter(
        "target", type=str, help="Column to predict; needed with a new source, else the card's."
    )
    key = Parameter(
        "key",
        type=str,
        help="Columns that identify a row, with commas.  [default: made from the row's content]",
    )
    ignore = Parameter(
        "ignore", type=str, help="Columns that are no features (names, free ids), with commas."
    )
    drop_missing_target = Parameter(
        "drop-missing-target",
        default=False,
        type=bool,
        help="Leave out the rows whose target is missing instead of refusing them.",
    )
    task_option = Parameter(
        "task", type=str, help="binary, multiclass or regression.  [default: inferred]"
    )
    metric = Parameter(
        "metric",
        type=str,
        help="What the best is best by.  [default: roc_auc, log_loss or rmse, by task]",
    )
    positive = Parameter(
        "positive", type=str, help="Positive class of a binary task.  [default: the rarer one]"
    )
    minutes = Parameter(
        "minutes",
        type=float,
        help="How long you wait, from this command to its end.  [default: 2]",
    )
    trials_option = Parameter(
        "trials",
        type=int,
        help="Trials of each search instead of minutes: the same result for the same seed.",
    )
    engines = Parameter(
        "engines",
        default="tpot,autokeras",
        help="What searches, beside the baselines, with commas.",
    )
    searches_option = Parameter(
        "searches",
        default=1,
        help="Parallel searches of each engine, with other seeds and spaces.",
    )
    seed = Parameter("seed", default=0, help="Seed of everything random.")
    infer_ms = Parameter(
        "infer-ms",
        type=float,
        help="Most milliseconds the model may take to predict 1,000 rows at once on one core, e.g."
        " 50.  [default: no bound]",
    )
    holdout = Parameter(
        "holdout",
        default=0.2,
        help="Share of the rows that no search sees, kept for the verdict.",
    )
    group = Parameter(
        "group", type=str, help="Column whose equal values stay on one side of every split."
    )
    dask = Parameter(
        "dask",
        type=str,
        help="Address of a Dask scheduler whose workers evaluate TPOT's pipelines, as in"
        " tcp://10.0.0.7:8786.  [default: $LIMELIGHT_DASK, or none]",
    )
    time = Parameter(
        "time", type=str, help="Column to split by in time: the holdout is the latest rows."
    )

    @step
    def start(self) -> None:
        """Resolve the data to one commit, set the holdout aside, share out the time."""
        from limelight.report.profile import profile_columns
        from limelight.runs import cores, launched_at, max_workers, say, user_errors
        from limelight.training.load import load
        from limelight.training.prepare import prepare
        from limelight.training.request import Request

        with user_errors():
            request = Request.from_parameters(self, bundled=BUNDLED)
            table = load(request)
            self.plan = request.plan(
                cells=table.frame.size, cores=cores(), workers=max_workers(), launched=launched_at()
            )
            seconds = self.plan.baselines.seconds
            prepared = prepare(table.frame, table.card, request, seconds, table.first)
        self.dataset, self.data_version, self.data_card = table.name, table.version, table.card
        self.task, self.split = prepared.task, prepared.split.summary()
        self.columns, self.schema = profile_columns(table.frame), prepared.schema
        self.problem, self.held_out = prepared.problem, prepared.holdout
        self.infer_bound = request.infer_ms
        self.searches = [vars(search) for search in self.plan.searches]
        for line in (*table.notes, str(prepared), str(self.plan)):
            say(line)
        self.next(self.baselines, self.tpot, self.autokeras)

    @catch(var="failed")
    @retry(times=1, minutes_between_retries=0)
    @step
    def baselines(self) -> None:
        """Race what any search has to beat: constant, linear model, boosted trees."""
        from limelight.runs import searched

        self.result = searched(self.plan.baselines, self.problem)
        self.next(self.choose)

    @step
    def tpot(self) -> None:
        """Fan out the TPOT searches."""
        self.planned = self.plan.foreach("tpot")
        self.next(self.search_tpot, foreach="planned")

    @catch(var="failed")
    @retry(times=1, minutes_between_retries=0)
    @step
    def search_tpot(self) -> None:
        """Search for pipelines by genetic programming."""
        from limelight.runs import searched

        self.result = searched(self.input, self.problem)
        self.next(self.gather_tpot)

    @step
    def gather_tpot(self, inputs: Any) -> None:
        """Bring the TPOT searches together; go on with what there is."""
        from limelight.runs import gathered

        self.results, self.lost = gathered(inputs)
        self.merge_artifacts(inputs, exclude=["result", "failed"])
        self.next(self.choose)

    @step
    def autokeras(self) -> None:
        """Fan out the AutoKeras searches."""
        self.planned = self.plan.foreach("autokeras")
        self.next(self.search_autokeras, foreach="planned")

    @catch(var="failed")
    @retry(times=1, minutes_between_retries=0)
    @step
    def search_autokeras(self) -> None:
        """Search for networks."""
        from limelight.runs import searched

        self.result = searched(self.input, self.problem)
        self.next(self.gather_autokeras)

    @step
    def gather_autokeras(self, inputs: Any) -> None:
        """Bring the AutoKeras searches together; go on with what there is."""
        from limelight.runs import gathered

        self.results, self.lost = gathered(inputs)
        self.merge_artifacts(inputs, exclude=["result", "failed"])
        self.next(self.choose)

    @step
    def choose(self, inputs: Any) -> None:
        """Rank all candidates, confirm the best on the holdout, fit the predictor on all rows."""
        from limelight.runs import code_facts, cores, gathered, say, user_errors
        from limelight.training.conclude import conclude

        results, lost = gathered(inputs)
        self.merge_artifacts(inputs, exclude=["result", "results", "failed", "lost", "planned"])
        with user_errors():
            found = conclude(
                results,
                self.problem,
                self.held_out,
                self.schema,
                plan=self.plan,
                facts=code_facts(self, self.data_version),
                seed=self.plan.seed,
                cores=cores(),
                failures=lost,
                say=say,
                infer_ms=self.infer_bound,
            )
        self.leaderboard, self.trials = found.choice.leaderboard, found.trials
        self.predictor, self.metrics = found.predictor, found.choice.metrics
        self.holdout_predictions, self.lineage = found.holdout, found.lineage
        self.notes, self.verdict = found.notes, found.choice.verdict
        self.confirmed = found.choice.confirmed
        self.next(self.explain)

    @card(type="limelight_page", id="report")
    @step
    def explain(self) -> None:
        """Give the reasons for some predictions, and draw the report of the run."""
        from limelight.report.page import render_training_report
        from limelight.runs import pathspec, waited
        from limelight.training.reasons import give_reasons
        from limelight.training.story import report_of

        reasons = give_reasons(
            self.predictor,
            self.confirmed,
            self.problem,
            self.held_out,
            self.holdout_predictions,
            seed=self.plan.seed,
            seconds=self.plan.explain_seconds(),
        )
        self.explanations, self.explained = reasons.explanations, reasons.rows
        self.importance = reasons.importance
        self.report = render_training_report(report_of(self, pathspec(), waited()))
        self.next(self.end)

    @step
    def end(self) -> None:
        """Say what was found and where to look."""
        from limelight.runs import pathspec, say
        from limelight.training.story import closing_lines

        for line in closing_lines(self, pathspec()):
            say(line)


if __name__ == "__main__":
    limelight.runs.launch(TrainFlow)

"""Ingest: a file, a folder or a query becomes a commit, if the checks on its rows say so.

python flows/ingest.py run --source loans.csv --dataset loans --key id --target default
python flows/ingest.py run --source new.parquet --dataset loans --mode upsert --tag v2
python flows/ingest.py run --source mysql+pymysql://ada@db/crm --query "SELECT * FROM loans" ...
python flows/ingest.py run --source fixed.csv --dataset loans --branch fixes --new-branch True
python flows/ingest.py card view commit                     look at what the last run did
"""

from metaflow import FlowSpec, Parameter, card, current, retry, step

import limelight.cards  # makes the card known, and the library travel
import limelight.runs


class IngestFlow(FlowSpec):
    """A source becomes a commit of a dataset.

    Its rows are read with care for their types, checked by themselves and against the last
    version, and committed together with the dataset's card; or nothing is written at all. Tags of
    the run (--tag v3) name the version too, unless they have a colon.
    """

    source = Parameter(
        "source",
        type=str,
        help="A CSV, TSV, JSON lines, Parquet or Feather file, a folder of them, or a URL.",
    )
    query = Parameter(
        "query", type=str, help="What to read from a URL: a SELECT, or the name of a table."
    )
    types = Parameter(
        "types",
        type=str,
        help="Types that are not to be found, e.g. zip=text,born=date:%d.%m.%Y.",
    )
    dataset_option = Parameter(
        "dataset", type=str, help="Dataset in the store.  [default: the source's name]"
    )
    store = Parameter(
        "store",
        type=str,
        help="Where datasets are kept.  [default: $LIMELIGHT_STORE, or .limelight/store.db here]",
    )
    branch = Parameter("branch", default="main", help="Branch to commit on.")
    new_branch = Parameter(
        "new-branch", default=False, type=bool, help="Make that branch, from main."
    )
    mode = Parameter(
        "mode",
        default="replace",
        help="replace: these are all rows. upsert: insert or update them. append: add them.",
    )
    card_option = Parameter(
        "card", type=str, help="The dataset's card: a JSON, TOML or YAML file; options win over it."
    )
    target = Parameter("target", type=str, help="Column to predict.")
    key = Parameter(
        "key",
        type=str,
        help="Columns that identify a row, with commas.  [default: made from the row's content]",
    )
    ignore = Parameter(
        "ignore", type=str, help="Columns that are no features (names, free ids), with commas."
    )
    problem = Parameter("problem", type=str, help="binary, multiclass or regression.")
    positive = Parameter("positive", type=str, help="Positive class of a binary problem.")
    description = Parameter("description", type=str, help="What the rows are.")
    licence = Parameter("licence", type=str, help="Under which they may be used.")
    source_note = Parameter(
        "source-note", type=str, help="Where they come from.  [default: the source]"
    )
    allow = Parameter(
        "allow", type=str, help="Checks that may fail, with commas, e.g. range,missing; or all."
    )
    message = Parameter("message", type=str, help="Of the commit.  [default: Ingest <source>]")
    author = Parameter(
        "author",
        type=str,
        help="Of the commit, as 'Name <e-mail>'.  [default: $LIMELIGHT_AUTHOR, git's, or the user]",
    )

    @card(type="limelight_page", id="rows")
    @step
    def start(self) -> None:
        """Read the source, and check its rows by themselves and against the last version."""
        from limelight.ingest.load import load
        from limelight.ingest.request import Request
        from limelight.ingest.story import opening_lines, report_on_rows
        from limelight.report.data_page import render_data_report
        from limelight.report.profile import profile_columns
        from limelight.runs import pathspec, say, user_errors

        with user_errors():
            self.request = Request.from_parameters(self, tags=current.tags)
            self.table = load(self.request)
        self.dataset, self.data_card = self.table.name, self.table.card
        self.quality, self.checks = self.table.quality, self.table.quality.frame()
        self.profile = profile_columns(self.table.frame)
        self.report = render_data_report(report_on_rows(self.table, pathspec()))
        for line in opening_lines(self.table):
            say(line)
        self.next(self.check)

    @step
    def check(self) -> None:
        """Stop here if a check failed that was not allowed to."""
        from limelight.runs import user_errors

        with user_errors():
            self.quality.refuse()
        self.next(self.commit)

    @card(type="limelight_page", id="commit")
    @retry(times=2, minutes_between_retries=0)
    @step
    def commit(self) -> None:
        """Write rows, card and commit in one transaction, and see what changed by it."""
        from limelight.ingest.commit import commit
        from limelight.ingest.story import closing_lines, report_on_commit
        from limelight.report.data_page import render_data_report
        from limelight.runs import pathspec, user_errors

        with user_errors():
            done = commit(self.request, self.table, pathspec())
            told = report_on_commit(self.request, self.table, done, pathspec())
        self.data_version, self.version_before = done.version, done.before
        self.committed, self.changes = done.made, done.changes
        self.report = render_data_report(told)
        self.closing = closing_lines(self.request, done)
        del self.table  # the store has the rows now
        self.next(self.end)

    @step
    def end(self) -> None:
        """Say what was committed and how to go on."""
        from limelight.runs import say

        for line in self.closing:
            say(line)


if __name__ == "__main__":
    limelight.runs.launch(IngestFlow)

"""The command line: ``limelight data ...``. Light to import: each command imports what it needs."""


def main() -> None:
    """The console script ``limelight``."""
    import sys
    import warnings

    from limelight.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape; it is no reason to fail.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # One line, as of an error: where in the code it was said is nothing to a user.
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    app(prog_name="limelight")

"""``python -m limelight.cli``: the console script, wherever it is installed."""

from limelight.cli import main

main()

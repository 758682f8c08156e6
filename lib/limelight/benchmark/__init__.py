"""Benchmarks: tasks with a test split, runs that are watched, and scores that compare tools.

A `tasks` folder becomes tasks whose test rows no run sees; `measure` runs the training flow on one
of them as a user would, in `processes` that are held to their cores and watched, and fits the
`references`; `results` are kept as lines of JSON, and `scores` turns them into the tables of the
AutoML Benchmark. `flows/benchmark.py` fans this out; `benchmarks/peers` has other tools beside us.
"""

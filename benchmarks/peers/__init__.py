"""Ourselves against other tools: one budget, the same cores, one after another."""

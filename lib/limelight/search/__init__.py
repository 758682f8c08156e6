"""Searches for models: a task, a budget, engines, and the candidates that they find."""

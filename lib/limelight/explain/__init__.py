"""Reasons for predictions: local explanations of rows, and the importance of columns."""

"""From candidates to the published predictor: ensemble, comparison, leaderboard, choice."""

"""From a source to a commit, and what changed by it; without Metaflow."""

"""What a person looks at: the page that tells a training run, and its figures."""

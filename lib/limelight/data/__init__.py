"""Dataset versions: rows and their card in Dolt, typed, keyed, and addressed by commit."""

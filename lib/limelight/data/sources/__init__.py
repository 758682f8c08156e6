"""The kinds of sources that a table can be read from; `limelight.data.source` is their door."""

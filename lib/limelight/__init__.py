"""Limelight: the best model for a versioned table, with the reasons for its predictions."""

__version__ = "0.1.0"

# Metaflow adds this package to the code package that travels to remote tasks.
METAFLOW_PACKAGE_POLICY = "include"

"""Frames as compressed Parquet bytes: how rows travel inside an artifact."""

from __future__ import annotations

import io

import pandas as pd


def pack(frame: pd.DataFrame) -> bytes:
    """A frame with its index and dtypes as Parquet bytes (zstd).

    Example:
        >>> unpack(pack(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]))).loc["y", "a"].item()
        2
    """
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", compression="zstd", index=True)
    return buffer.getvalue()


def unpack(packed: bytes) -> pd.DataFrame:
    """The frame that `pack` packed."""
    return pd.read_parquet(io.BytesIO(packed), engine="pyarrow")

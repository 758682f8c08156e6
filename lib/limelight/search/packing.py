"""How rows and search results travel inside artifacts: as compressed bytes."""

from __future__ import annotations

import io
import pickle
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from limelight.search.candidate import SearchResult


def pack(frame: pd.DataFrame) -> bytes:
    """A frame with its index and dtypes as Parquet bytes (zstd).

    Example:
        >>> import pandas as pd
        >>> unpack(pack(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]))).loc["y", "a"].item()
        2
    """
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", compression="zstd", index=True)
    return buffer.getvalue()


def unpack(packed: bytes) -> pd.DataFrame:
    """The frame that `pack` packed."""
    import pandas as pd

    return pd.read_parquet(io.BytesIO(packed), engine="pyarrow")


def pack_result(result: SearchResult) -> bytes:
    """A search result as bytes, which pass through a join without the libraries of its models."""
    return zlib.compress(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL), level=1)


def unpack_result(packed: bytes) -> SearchResult:
    """The result that `pack_result` packed."""
    result: SearchResult = pickle.loads(zlib.decompress(packed))
    return result

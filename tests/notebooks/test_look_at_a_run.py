"""The notebook runs from top to bottom on the run of a newcomer."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "look_at_a_run.ipynb"


def shown(notebook: nbformat.NotebookNode) -> list[dict]:
    """What the cells show, by kind of output."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"] for output in outputs if "data" in output]


def test_no_outputs_are_kept_in_the_repository() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.slow
def test_every_cell_runs_and_shows_the_run(first_run, monkeypatch) -> None:
    from nbclient import NotebookClient

    monkeypatch.setenv("METAFLOW_DEFAULT_METADATA", "local")
    monkeypatch.setenv("METAFLOW_DEFAULT_DATASTORE", "local")
    monkeypatch.setenv("METAFLOW_USER", "somebody-else")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(first_run.folder)}},
    )
    client.execute()
    data = shown(notebook)
    text = "\n".join(output.get("text/plain", "") for output in data)
    assert "TrainFlow/" in text
    assert "ensemble" in text or "baseline" in text
    assert "credit_g" in text
    # One explanation from the run, one made here, and the importance of columns.
    assert sum("image/png" in output for output in data) == 3

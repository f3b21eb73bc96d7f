"""A sweep that takes moments: its files, and what its storage says of it."""

from pathlib import Path

import optuna

from liquidjax.experiments.sweep import storage
from tiny_series import CONFIG, as_csv, rows

SPACE = "training.learning_rate: {low: 1e-3, high: 0.3, log: true}\ninputs.fill: [carry, mean]\n"


def write(place: Path) -> None:
    """The data, the settings and the space, in a folder."""
    (place / "walks.csv").write_text(as_csv(rows()))
    (place / "tiny.yaml").write_text(CONFIG.replace("SOURCE", "walks.csv"))
    (place / "space.yaml").write_text(SPACE)


def trials(name: str = "tiny", url: str | None = None) -> list[optuna.trial.FrozenTrial]:
    """The trials of a study, in a journal of its folder where no storage is given."""
    with storage.quiet():
        store = storage.opened(url or f"sweeps/{name}/study.journal")
        try:
            return optuna.load_study(study_name=name, storage=store).get_trials()
        finally:
            storage.let_go(store)

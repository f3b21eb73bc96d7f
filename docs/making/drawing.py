"""The picture of the front page."""

from pathlib import Path

from liquidjax.wirings import AutoNCP


def wiring(file: Path) -> None:
    """A neural circuit policy, on no background, in colours that can be seen on white and on black."""
    if file.exists():
        return
    import matplotlib
    from matplotlib.figure import Figure

    from liquidjax.plots import plot_wiring

    grey = "#7f8894"
    with matplotlib.rc_context({"text.color": grey, "svg.hashsalt": "liquidjax", "font.size": 11}):
        figure = Figure(figsize=(8, 3.6), layout="constrained")
        plot_wiring(AutoNCP(units=19, outputs=3).graph(inputs=6), figure.subplots())
        figure.savefig(file, transparent=True, metadata={"Date": None})

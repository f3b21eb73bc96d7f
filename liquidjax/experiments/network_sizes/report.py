"""What the experiment says: the table, the sizes relative to the NCP, and notes, as plain text."""

from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.network_sizes.counts import Ratio, Result, Row
from liquidjax.experiments.network_sizes.paper import NOTES
from liquidjax.experiments.shared.tables import plain, wrapped

WIDTH = 100


def table(rows: list[Row]) -> str:
    """The table as plain text; the numbers in the last column are those of the notes.

    Example:
        >>> print(table([Row("CNN", "parameters", 5068900, 5068900), Row("NCP", "synapses", 253, 252)]))
        network  counted         paper       ours  same  note
        CNN      parameters  5,068,900  5,068,900  yes
        NCP      synapses          253        252  NO    (2)
    """
    numbers = {entry: f"({number})" for number, entry in enumerate(NOTES, 1)}
    lines = [
        [
            row.network,
            row.counted,
            f"{row.paper:,}",
            f"{row.ours:,}",
            "yes" if row.ours == row.paper else "NO",
            numbers.get((row.network, row.counted), ""),
        ]
        for row in rows
    ]
    return plain(["network", "counted", "paper", "ours", "same", "note"], lines, align="llrrll")


def comparison(ratios: list[Ratio]) -> str:
    """The sizes relative to the NCP as plain text.

    Example:
        >>> print(comparison([Ratio("LSTM", "synapses", 97.39, 97.78, 970)]))
        times the NCP  counted   paper's table  ours  paper's text
        LSTM           synapses           97.4  97.8           970
    """
    header = ["times the NCP", "counted", "paper's table", "ours", "paper's text"]
    lines = [
        [row.network, row.counted, f"{row.paper_table:.3g}", f"{row.ours:.3g}", str(row.paper_text)] for row in ratios
    ]
    return plain(header, lines, align="ll")


def report(config: NetworkSizesConfig, result: Result) -> str:
    """Everything as plain text: the table, the comparison, and what has to be said about them."""
    ran = (
        f"Every network was initialised and run on images of {config.height} x {config.width} pixels ({config.frames} "
        "in a sequence), the recurrent ones on the features of the head, and gave one finite number for each. A time "
        "step of the CT-RNN is 6 Euler steps of 0.1 (dt = 0.6, tau = 1), as in the published code."
    )
    text = (
        "The main text of the paper says 970, 241, 233 and 59 times, about ten times what its own table gives; 63 "
        "agrees with it. Quote the table. The CNN is compared with head and NCP together."
    )
    notes = [f"({number}) {entry[0]}, {entry[1]}: {note}" for number, (entry, note) in enumerate(NOTES.items(), 1)]
    parts = [
        wrapped(ran, WIDTH),
        table(result.rows),
        *(wrapped(note, WIDTH) for note in notes),
        comparison(result.ratios),
        wrapped(text, WIDTH),
    ]
    return "\n\n".join(parts)

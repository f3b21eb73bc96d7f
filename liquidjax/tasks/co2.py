"""Carbon dioxide in the air over Mauna Loa, week by week with the weeks that are missing: a year is a series.

The file beside this one holds the 2,225 weeks of 1958 to 2001 that were measured; of the gaps the longest is 19 weeks.
C. D. Keeling and T. P. Whorf, "Atmospheric CO2 concentrations derived from flask air samples at sites in the SIO
network", Carbon Dioxide Information Analysis Center, 2004; public domain, taken from statsmodels 0.15
(`statsmodels.datasets.co2`).
"""

from pathlib import Path

import numpy as np

from liquidjax.tasks.dataset import SequenceDataset

FILE = Path(__file__).with_name("co2.csv")


def years() -> SequenceDataset:
    """A series for each year from 1959: parts per million above the mean of the year before, at times in weeks.

    Example:
        >>> data = years()
        >>> data.inputs.shape, data.names[:2], data.features, float(data.times[0, :2].round(2)[1])
        ((43, 53, 1), ('1959', '1960'), ('co2',), 1.29)
    """
    dates, values = np.loadtxt(FILE, delimiter=",", skiprows=1, dtype=str, unpack=True)
    days, level = dates.astype("datetime64[D]"), values.astype(float)
    year = days.astype("datetime64[Y]")
    series, times, names = [], [], []
    for now in np.unique(year)[1:]:
        chosen = year == now
        series.append((level[chosen] - level[year == now - 1].mean())[:, None])
        times.append((days[chosen] - now.astype("datetime64[D]")) / np.timedelta64(7, "D"))
        names.append(str(now))
    return SequenceDataset.of(series, times=times, features=("co2",), names=names)

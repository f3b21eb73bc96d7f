"""A liquid network as a forecaster of series."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from liquidjax._checks import check_size
from liquidjax.sklearn.ahead import future_steps, go_on
from liquidjax.sklearn.learning import Parts, draws, learn, parts
from liquidjax.sklearn.series import read
from liquidjax.sklearn.settings import Settings
from liquidjax.sklearn.targets import forget, tagged

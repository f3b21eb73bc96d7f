"""A liquid network as a classifier of series."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import assert_all_finite, column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from liquidjax._checks import check_choice
from liquidjax.sklearn.answers import answers
from liquidjax.sklearn.learning import Parts, draws, learn, rows_of_parts
from liquidjax.sklearn.series import read
from liquidjax.sklearn.settings import Asked
from liquidjax.sklearn.targets import check_given, forget, tagged
from liquidjax.training.objectives import Classification


@dataclass(eq=False, repr=False)
class LiquidClassifier(ClassifierMixin, Asked):
    """The class of a series, by a liquid network: softmax of a linear readout, trained on the cross entropy.

    X is (cases, channels, time), a list of (channels, time_i), or (cases, time) with one channel, all of which may hold
    NaN where nothing was observed. Channels are scaled by what is learnt from, a missing value is the one before it.
    A table (cases, time) has the same columns in `fit` and later; the others may have any lengths.

    Args:
        cell: the network: a name ("LTC", "WiredCfC", "CfC", "CTRNN", "GRU", "HasaniLTC", "LSTM"), a call as in a
            configuration, such as "LTC(wiring=AutoNCP(32, 8), integrator=SemiImplicit(12))", or a cell.
        units: its neurons, where it is a name; an LTC and a WiredCfC have the wiring AutoNCP(units, units // 4).
        epochs: times through the data; None for as many as 1000 batches take, and 20 at least.
        batch_size: cases in a step.
        learning_rate: None for one that suits the cell: 0.02 for an LTC, 0.002 for a CfC, 0.01 for others.
        optimizer, schedule, weight_decay: see `liquidjax.training.optimizer.Optimizer`.
        validation_fraction: share of the cases of each class that are not trained on: of all epochs the one is kept
            that is best for them. 0 for none: the last is kept.
        patience: epochs without a better one, by those cases, after which the training stops; None for none.
        step: what a typical step from one time to the next is in units of the time constants; None for as much as
            makes a typical case 30 of them long, and 1 at most.
        time_channel: which channel of X is the time of each step; None where steps are 0, 1, 2, ... or `times` are
            given. A cross-validation hands it on with X, and `times` not.
        random_state: of the network, the order of cases and those held out.
        verbose: whether a line is printed for each epoch.
        at: where the network is asked: "mean" over all steps, or at the "last".
        indicators, since: whether the network also reads, of each channel, whether it was observed, and how long ago.
        class_weight: how much a class counts: None for all alike, "balanced" for rare ones more, or {label: weight}.

    Attributes: `classes_`; `model_`, a `liquidjax.Model`, which can be saved; `history_`, an `Epoch` for each;
    `n_iter_`, how many; `n_channels_`; `n_features_in_`, columns of a table, else channels.

    `fit` takes no `sample_weight`: a case that counts twice in batches is not the case twice.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> y = np.array(["slow", "fast"] * 12)
        >>> steps = np.arange(15) * np.where(y == "slow", 0.5, 1.0)[:, None]
        >>> X = np.sin(steps + rng.uniform(0, 6, (24, 1)))  # (cases, time), one channel
        >>> classifier = LiquidClassifier("GRU", units=8, epochs=40, random_state=0).fit(X, y)
        >>> classifier.predict(X[:2]).tolist(), classifier.predict_proba(X).shape, classifier.score(X, y) > 0.9
        (['slow', 'fast'], (24, 2), True)
    """

    class_weight: Any = None

    def fit(self, X: Any, y: Any, times: Any = None) -> "LiquidClassifier":
        """Learns the classes of cases.

        Args:
            X: the cases, see the class.
            y: (cases,), labels of any kind, of two classes or more.
            times: of each step: (time,) for all cases, (cases, time), or a list of (time_i,). They increase within a
                case, and only how far apart they are counts.

        Raises:
            ValueError: data or settings that do not fit.
        """
        forget(self)
        given = read(self, X, times, cases=2)
        check_given(self, y)
        y = column_or_1d(y, warn=True)
        check_consistent_length(given.values, y)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        encoder = LabelEncoder()
        labels = np.asarray(encoder.fit_transform(y))
        self.classes_ = np.asarray(encoder.classes_)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least two classes, got one class: {self.classes_.tolist()[0]!r}")
        check_choice("at", self.at, ("mean", "last"))
        weights = None
        if self.class_weight is not None:
            weights = tuple(compute_class_weight(self.class_weight, classes=self.classes_, y=y).tolist())
        seeds = draws(self.random_state)
        data = given.dataset(labels, classes=[str(label) or "''" for label in self.classes_.tolist()])
        both = Parts.of(data, *rows_of_parts(self, labels, seeds.split))
        reads = {"indicators": self.indicators, "since": self.since}
        learnt = learn(self, Classification(self.at, weights), both, seeds.network, **reads)
        self.model_, self.history_, self.n_iter_ = learnt
        self._form, self.n_channels_ = given.form, given.form.channels
        return self

    def predict_proba(self, X: Any, times: Any = None) -> np.ndarray:
        """The probability of each class, (cases, classes), in the order of `classes_`."""
        check_is_fitted(self, "model_")
        found = answers(self.model_, read(self, X, times, self._form))
        return found / found.sum(1, keepdims=True)

    def predict(self, X: Any, times: Any = None) -> np.ndarray:
        """The class of each case, (cases,)."""
        probabilities = self.predict_proba(X, times)
        return self.classes_[probabilities.argmax(1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None, times: Any = None) -> float:
        """The share of the cases whose class is named right."""
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(y, self.predict(X, times), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        return tagged(super().__sklearn_tags__())

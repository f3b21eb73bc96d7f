"""The checks of scikit-learn itself."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from liquidjax.sklearn import LiquidClassifier, LiquidForecaster, LiquidRegressor

# What is learnt is asked for in some checks, so it is a cell that learns blobs within a second.
QUICK = {"cell": "GRU", "units": 8, "epochs": 20, "learning_rate": 0.03}
QUICK_VALUES = {**QUICK, "units": 16, "epochs": 40, "at": "last"}
CANNOT = {
    "LiquidForecaster": {
        "check_n_features_in_after_fitting": "a forecaster goes on after series of any length, in a table too"
    }
}


@parametrize_with_checks(
    [LiquidClassifier(**QUICK), LiquidRegressor(**QUICK_VALUES), LiquidForecaster("GRU", units=4, epochs=2)],
    expected_failed_checks=lambda estimator: CANNOT.get(type(estimator).__name__, {}),
)
def test_the_estimator_passes_the_check(estimator, check):
    check(estimator)

"""Liquid networks as estimators of scikit-learn, for series (cases, channels, time); `liquidjax.aeon` has aeon's."""

from liquidjax.sklearn.classifier import LiquidClassifier as LiquidClassifier
from liquidjax.sklearn.forecaster import LiquidForecaster as LiquidForecaster
from liquidjax.sklearn.regressor import LiquidRegressor as LiquidRegressor

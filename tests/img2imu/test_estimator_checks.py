"""scikit-learn's own checks of an estimator.

They feed tables (n, features). They skip an estimator that declares, as ``MotionClassifier`` does,
that it takes no tables. So ``RowClassifier`` passes each row on as a window and changes nothing
else.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from img2imu import MotionClassifier

SAMPLES_PER_FEATURE = 16
WAVE = 0.02 * np.sin(np.arange(SAMPLES_PER_FEATURE))  # a sensor's values always change


class RowClassifier(MotionClassifier):
    """Turns a row into a window of one channel that holds one feature after the other."""

    def fit(self, X, y):
        return super().fit(as_windows(X), y)

    def predict_proba(self, X):
        return super().predict_proba(as_windows(X))

    @property
    def n_features_in_(self):
        return self.window_samples_ // SAMPLES_PER_FEATURE

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def as_windows(rows):
    if issparse(rows):
        return rows
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.dtype == object:
        return rows
    return (rows[:, :, None] + WAVE).reshape(len(rows), -1, 1)


# These checks expect scikit-learn's messages about a table. Our messages are about windows, and are
# tested in test_classifier.py.
ABOUT_TABLES = {
    "check_n_features_in_after_fitting": "expects 'X has 1 features, but ... is expecting 4'",
    "check_estimators_empty_data_messages": "expects '0 feature(s) while a minimum of ... is "
    "required'",
    "check_fit2d_predict1d": "expects 'Reshape your data'",
    "check_dtype_object": "expects a TypeError for a dictionary among the numbers; ours is a "
    "DataError, a ValueError",
}


def expected_failures(estimator: BaseEstimator) -> dict[str, str]:
    return ABOUT_TABLES if isinstance(estimator, RowClassifier) else {}


@parametrize_with_checks(
    [MotionClassifier(50, "acc+gyro"), RowClassifier(50, "acc_x")],
    expected_failed_checks=expected_failures,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_the_input_is_declared_correctly():
    tags = get_tags(MotionClassifier(50, "acc"))
    assert tags.input_tags.three_d_array
    assert not tags.input_tags.two_d_array
    assert tags.classifier_tags.multi_class
    assert tags.target_tags.required

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.contract.head import (
    CLIP,
    COVARIANCE_SHRINKAGE,
    MAX_FOLDS,
    NUISANCE_WINDOWS,
    SHARPNESS_GRID,
    SHARPNESS_OF_ONE_WINDOW,
    STD_PRIOR_WINDOWS,
    fit_head,
    held_out_probabilities,
)

UNTIMED = settings(deadline=None, max_examples=25)


def draw(classes=3, per_class=6, d=5, apart=2.0, seed=0):
    """Draw features (n, d) of Gaussian classes, and their shuffled class numbers (n,)."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(classes), per_class))
    means = apart * random.normal(size=(classes, d))
    return means[labels] + random.normal(size=(len(labels), d)) * random.uniform(0.5, 3, d), labels


def standardised(x, blocks):
    """Return a function from features to clipped deviations, each block of total weight 1."""
    n = len(x)
    inverse_std, weight, begin = [], [], 0
    for size in blocks:
        variance = x[:, begin : begin + size].var(0)
        pooled = np.median(variance)
        inverse_std += [
            1 / np.sqrt((n * v + STD_PRIOR_WINDOWS * pooled) / (n + STD_PRIOR_WINDOWS))
            for v in variance
        ]
        weight += [size**-0.5] * size
        begin += size
    mean, inverse_std, weight = x.mean(0), np.array(inverse_std), np.array(weight)
    return lambda values: np.clip((values - mean) * inverse_std, -CLIP, CLIP) * weight


def reference_lda(z, labels, rank, changes=()):
    """Return the logits function of the textbook discriminant: all d dimensions, equal priors.

    ``changes`` (copies, n, d) count as NUISANCE_WINDOWS windows of within-class scatter.
    """
    n, k = len(z), labels.max() + 1
    means = np.array([z[labels == c].mean(0) for c in range(k)])
    scatter = sum(
        np.outer(row - means[c], row - means[c]) for row, c in zip(z, labels, strict=True)
    )
    total = ((z - z.mean(0)) ** 2).sum() / (n * min(n - 1, rank))
    covariance = total * np.eye(z.shape[1])
    observed = n - k
    if len(changes):
        scatter = scatter + NUISANCE_WINDOWS * np.mean(
            [np.outer(c, c) for c in np.concatenate(changes)], 0
        )
        observed += NUISANCE_WINDOWS
    if observed:
        covariance = (
            COVARIANCE_SHRINKAGE * covariance + (1 - COVARIANCE_SHRINKAGE) * scatter / observed
        )
    inverse = np.linalg.inv(covariance)

    def logits(values):
        return np.array([[m @ inverse @ v - 0.5 * m @ inverse @ m for m in means] for v in values])

    spread = (logits(z) - logits(z).mean(1, keepdims=True)).std()
    return lambda values: logits(values) / spread


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def reference_sharpness(z, labels, rank, changes=None):
    counts = np.bincount(labels)
    folds = min(MAX_FOLDS, counts.min())
    fold = np.array([np.sum(labels[:i] == label) % folds for i, label in enumerate(labels)])
    held_out = np.empty((len(z), len(counts)))
    for f in range(folds):
        kept = () if changes is None else changes[:, fold != f]
        held_out[fold == f] = reference_lda(z[fold != f], labels[fold != f], rank, kept)(
            z[fold == f]
        )
    loss = [
        -np.log(softmax(s * held_out)[np.arange(len(z)), labels]).mean() for s in SHARPNESS_GRID
    ]
    return SHARPNESS_GRID[int(np.argmin(loss))]


@UNTIMED
@given(
    seed=st.integers(0, 10_000),
    classes=st.integers(2, 5),
    per_class=st.integers(2, 12),
    blocks=st.sampled_from([(5,), (1, 4), (2, 2, 3)]),
)
def test_the_discriminant_equals_the_dense_formula(seed, classes, per_class, blocks):
    x, labels = draw(classes, per_class, sum(blocks), seed=seed)
    z_of = standardised(x, blocks)
    centre = z_of(x).mean(0)
    z = z_of(x) - centre
    rank = np.linalg.matrix_rank(z)
    new = np.random.default_rng(seed).normal(0, 3, (20, sum(blocks)))
    logits = reference_lda(z, labels, rank)(z_of(new) - centre)
    expected = softmax(reference_sharpness(z, labels, rank) * logits)
    np.testing.assert_allclose(fit_head(x, labels, blocks).probabilities(new), expected, atol=1e-7)


@UNTIMED
@given(
    seed=st.integers(0, 10_000),
    classes=st.integers(2, 4),
    per_class=st.integers(1, 6),
    n_copies=st.integers(1, 3),
)
def test_differences_between_copies_count_as_scatter_within_a_class(
    seed, classes, per_class, n_copies
):
    x, labels = draw(classes, per_class, 6, seed=seed)
    generator = np.random.default_rng(seed)
    copies = x + generator.normal(size=(n_copies, *x.shape)) * generator.uniform(0, 2, 6)
    z_of = standardised(x, (2, 4))
    centre = z_of(x).mean(0)
    z, changes = z_of(x) - centre, z_of(copies) - z_of(x)
    rank = np.linalg.matrix_rank(z)
    sharpness = (
        reference_sharpness(z, labels, rank, changes) if per_class > 1 else SHARPNESS_OF_ONE_WINDOW
    )
    new = generator.normal(0, 3, (20, 6))
    expected = softmax(sharpness * reference_lda(z, labels, rank, changes)(z_of(new) - centre))
    actual = fit_head(x, labels, (2, 4), copies).probabilities(new)
    # The head ignores what lies outside the span of windows and copies, the reference does not.
    # Compare only if they span all 6 dimensions.
    if np.linalg.matrix_rank(np.concatenate([z, *changes])) == 6:
        np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_a_direction_in_which_copies_differ_has_no_say():
    x = np.array([[-1.0, -0.9], [1.0, 0.9]])  # told apart by either feature
    # but the copies differ in the second
    copies = x + np.array([[[0, 5.0], [0, 5.0]], [[0, -5.0], [0, -5.0]]])
    conflicting = [[1.0, -0.9], [-1.0, 0.9]]
    first_decides = fit_head(x, np.array([0, 1]), (2,), copies).probabilities(conflicting)
    assert first_decides[0, 1] > 0.6 and first_decides[1, 0] > 0.6
    undecided = fit_head(x, np.array([0, 1]), (2,)).probabilities(conflicting)
    assert np.abs(undecided - 0.5).max() < 0.1


@UNTIMED
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6), d=st.integers(1, 30))
def test_with_one_window_per_class_the_nearest_prototype_wins(seed, classes, d):
    x, labels = draw(classes, 1, d, seed=seed)
    z_of = standardised(x, (d,))
    # what the windows span: anything across it is the same for every prototype
    new = np.random.default_rng(seed).normal(0, 2, (30, d))
    distances = np.linalg.norm(z_of(new)[:, None] - z_of(x)[None], axis=2)
    ranked = np.sort(distances, 1)
    clear = ranked[:, 1] - ranked[:, 0] > 1e-6
    answers = fit_head(x, labels, (d,)).probabilities(new).argmax(1)
    np.testing.assert_array_equal(answers[clear], labels[distances.argmin(1)][clear])
    assert clear.any()


def test_with_one_window_per_class_the_sharpness_is_fixed():
    x, labels = draw(3, 1, 4)
    z = standardised(x, (4,))(x)
    z -= z.mean(0)
    logits = reference_lda(z, labels, np.linalg.matrix_rank(z))(z)
    np.testing.assert_allclose(
        fit_head(x, labels, (4,)).probabilities(x),
        softmax(SHARPNESS_OF_ONE_WINDOW * logits),
        atol=1e-9,
    )


def test_noise_that_two_features_share_is_subtracted():
    """Fisher's case: the noise hides the difference between the classes until it is subtracted."""
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 200)
    noise = random.normal(0, 1, 400)
    x = np.stack([noise + 0.6 * labels, noise], 1) + random.normal(0, 0.02, (400, 2))
    assert (fit_head(x, labels, (2,)).probabilities(x).argmax(1) == labels).mean() > 0.99
    means = np.array([x[labels == c].mean(0) for c in (0, 1)])
    nearest = np.linalg.norm(x[:, None] - means, axis=2).argmin(1)
    assert (nearest == labels).mean() < 0.8  # prototypes alone cannot


@UNTIMED
@given(seed=st.integers(0, 10_000), shift=st.floats(-1e3, 1e3))
def test_a_constant_added_to_the_features_changes_nothing(seed, shift):
    x, labels = draw(seed=seed)
    before = fit_head(x, labels, (2, 3)).probabilities(x)
    np.testing.assert_allclose(
        fit_head(x + shift, labels, (2, 3)).probabilities(x + shift), before, atol=1e-6
    )


@UNTIMED
@given(seed=st.integers(0, 10_000), factor=st.floats(1e-3, 1e3))
def test_the_unit_of_a_block_changes_nothing(seed, factor):
    x, labels = draw(seed=seed)
    unit = np.array([1, 1, factor, factor, factor])
    before = fit_head(x, labels, (2, 3)).probabilities(x)
    np.testing.assert_allclose(
        fit_head(x * unit, labels, (2, 3)).probabilities(x * unit), before, atol=1e-4
    )


@pytest.mark.parametrize("copies", [2, 40])
def test_a_block_weighs_the_same_whatever_its_size(copies):
    x, labels = draw(d=2, apart=1)
    wide = np.concatenate([x[:, :1], np.tile(x[:, 1:], copies)], 1)
    before = fit_head(x, labels, (1, 1)).probabilities(x)
    np.testing.assert_allclose(
        fit_head(wide, labels, (1, copies)).probabilities(wide), before, atol=1e-7
    )
    assert not np.allclose(
        fit_head(wide, labels, (1 + copies,)).probabilities(wide), before, atol=1e-3
    )


@UNTIMED
@given(
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([1e-6, 1.0, 1e6, 1e30]),
    per_class=st.integers(1, 4),
)
def test_probabilities_are_valid_however_large_the_features(seed, scale, per_class):
    x, labels = draw(per_class=per_class, seed=seed)
    p = fit_head(x, labels, (2, 3)).probabilities(
        scale * np.random.default_rng(seed).normal(size=(9, 5))
    )
    assert p.shape == (9, 3)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)


@UNTIMED
@given(seed=st.integers(0, 10_000), order=st.permutations(range(4)), per_class=st.integers(1, 5))
def test_permuting_the_classes_permutes_the_probabilities(seed, order, per_class):
    x, labels = draw(4, per_class, seed=seed)
    order = np.array(order)
    before = fit_head(x, labels, (2, 3)).probabilities(x)
    renamed = fit_head(x, order[labels], (2, 3)).probabilities(x)
    np.testing.assert_allclose(renamed[:, order], before, atol=1e-9)


@pytest.mark.parametrize("per_class", [1, 4])
def test_equal_windows_give_equal_probabilities(per_class):
    labels = np.repeat([0, 1, 2], per_class)
    p = fit_head(np.full((len(labels), 5), 0.3), labels, (2, 3)).probabilities(
        np.array([[0.3] * 5, [9.0] * 5])
    )
    np.testing.assert_allclose(p, 1 / 3)


@pytest.mark.parametrize("per_class", [1, 4])
def test_features_that_never_change_are_ignored(per_class):
    x, labels = draw(per_class=per_class)
    with_constants = np.concatenate([x, np.full((len(x), 3), 7.0)], 1)
    head = fit_head(with_constants, labels, (5, 3))
    moved = with_constants + np.array([0] * 5 + [1] * 3)  # at test time they do change
    np.testing.assert_allclose(
        head.probabilities(moved), head.probabilities(with_constants), atol=1e-9
    )
    np.testing.assert_allclose(
        head.probabilities(with_constants), fit_head(x, labels, (5,)).probabilities(x), atol=1e-9
    )


def test_the_same_windows_in_two_classes_are_a_tie():
    x = np.repeat(np.random.default_rng(0).normal(size=(4, 5)), 2, axis=0)
    p = fit_head(x, np.tile([0, 1], 4), (2, 3)).probabilities(x)
    np.testing.assert_allclose(p, 0.5, atol=0.01)  # the scaling to unit deviation enlarges rounding


@pytest.mark.parametrize("seed", range(5))
def test_it_is_more_confident_about_distant_classes_than_about_random_labels(seed):
    x, labels = draw(per_class=10, apart=10, seed=seed)
    sure = fit_head(x, labels, (5,)).probabilities(x).max(1).mean()
    guesses = np.random.default_rng(seed + 100).permutation(labels)
    unsure = fit_head(x, guesses, (5,)).probabilities(x).max(1).mean()
    assert sure > 0.95
    assert unsure < 0.6


@pytest.mark.parametrize("counts", [(1, 10), (2, 30, 7)])
def test_a_rare_class_is_recognised_as_well_as_a_common_one(counts):
    random = np.random.default_rng(3)
    centres = 6 * np.eye(len(counts), 5)
    labels = np.repeat(np.arange(len(counts)), counts)
    head = fit_head(centres[labels] + random.normal(0, 0.5, (len(labels), 5)), labels, (5,))
    truth = np.repeat(np.arange(len(counts)), 50)
    answers = head.probabilities(centres[truth] + random.normal(0, 0.5, (len(truth), 5))).argmax(1)
    np.testing.assert_array_equal(answers, truth)


def test_a_held_out_window_is_judged_by_a_head_fitted_without_it():
    x, labels = draw(classes=3, per_class=6, apart=1.0)
    # of each class, one window at a time
    folds = np.array([sum(labels[:i] == labels[i]) for i in range(len(labels))])
    probabilities = held_out_probabilities(x, labels, (5,), folds)
    z = standardised(x, (5,))(x)
    for fold in range(6):
        out = folds == fold
        logits = reference_lda(z[~out], labels[~out], 5)(z[out])
        # one factor for all logits of a head
        ratio = np.diff(np.log(probabilities[out]), axis=1) / np.diff(logits, axis=1)
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-5)
        assert ratio[0, 0] > 0


def test_a_window_that_is_never_held_out_has_no_probabilities():
    x, labels = draw(classes=2, per_class=3)
    probabilities = held_out_probabilities(x, labels, (5,), np.array([0, -1, 1, -1, -1, 0]))
    assert np.isnan(probabilities[[1, 3, 4]]).all()
    np.testing.assert_allclose(probabilities[[0, 2, 5]].sum(1), 1)

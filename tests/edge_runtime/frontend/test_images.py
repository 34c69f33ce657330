import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import ContractError


def noise(n, channels, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (n, channels)).astype(np.float32)


@pytest.mark.parametrize("channels, n_images", [(1, 2), (3, 2), (6, 4)])
def test_features_have_the_shapes_of_the_contract(make_front_end, channels, n_images):
    front_end = make_front_end(channels=channels)
    features = front_end.compute(noise(32, channels))
    assert features.images.shape == (n_images, 9, 10, 3) == (front_end.spec.n_images, 9, 10, 3)
    assert features.statistics.shape == (front_end.statistics.size,)
    assert features.images.dtype == features.statistics.dtype == np.float32
    assert np.abs(features.images).max() <= 1 + 1e-6


def test_a_batch_equals_its_windows_one_by_one(make_front_end):
    front_end, windows = make_front_end(), noise(5 * 32, 6).reshape(5, 32, 6)
    batch = front_end.compute_batch(windows)
    for window, images, values in zip(windows, batch.images, batch.statistics, strict=True):
        alone = front_end.compute(window)
        np.testing.assert_array_equal(images, alone.images)
        np.testing.assert_array_equal(values, alone.statistics)


def test_statistics_are_those_of_the_window(make_front_end):
    front_end, window = make_front_end(), noise(32, 6)
    np.testing.assert_array_equal(
        front_end.compute(window).statistics, front_end.statistics(window)
    )


@pytest.mark.parametrize(
    "image_channels",
    [
        ((0, 1, 2), (3, 4, 5)),
        ((5, 4, 3), (0, 0, 1)),
        ((2, 4, 5),),
        ((3, 3, 3), (0, 1, 2), (1, 2, 3)),
    ],
)
@pytest.mark.parametrize("loud", range(6))
def test_a_channel_shows_in_its_colours_of_its_images(make_front_end, image_channels, loud):
    window = np.zeros((32, 6), np.float32)
    window[:, loud] = noise(32, 1)[:, 0]
    front_end = make_front_end(image_channels=image_channels)
    bright = (front_end.compute(window).images > -0.99).any((1, 2))  # (images, colours)
    expected = [[column == loud for column in rgb] for rgb in image_channels]
    assert bright.tolist() == expected * len(front_end.spec.spectrograms)


def test_images_of_one_resolution_are_next_to_each_other(make_front_end):
    window = noise(32, 6)
    both = make_front_end(fft_samples=(8, 16)).compute(window).images
    for i, n in enumerate((8, 16)):
        np.testing.assert_array_equal(
            both[2 * i : 2 * i + 2], make_front_end(fft_samples=(n,)).compute(window).images
        )


def test_time_runs_from_left_to_right(make_front_end):
    window = np.zeros((32, 3), np.float32)
    window[24:] = noise(8, 3)
    brightness = make_front_end(channels=3).compute(window).images.mean((0, 1, 3))
    assert brightness[:5].max() < brightness[-2:].min()


def test_drawing_is_a_resize_of_the_columns(make_front_end):
    front_end, window = make_front_end(channels=3, fft_samples=(8,), width=7), noise(32, 3)
    (spectrogram,) = front_end.spectrograms
    columns = spectrogram.columns(window)  # seven frames: no resize
    np.testing.assert_allclose(
        front_end.compute(window).images[0], columns.transpose(1, 0, 2), atol=1e-6
    )


@settings(max_examples=40)
@given(
    step=st.integers(1, 6),
    hops=st.lists(st.integers(1, 14), min_size=1, max_size=6),
    channels=st.sampled_from([1, 3, 6]),
    fft_samples=st.sampled_from([(8,), (8, 16), (12, 32)]),
    seed=st.integers(0, 99),
)
def test_a_stream_gives_the_same_bits_as_each_window_alone(
    make_front_end, step, hops, channels, fft_samples, seed
):
    front_end = make_front_end(
        channels=channels, fft_samples=fft_samples, step_samples=step, hop_samples=step
    )
    stream = front_end.stream()
    samples = noise(32 + step * sum(hops), channels, seed)
    begin = 0
    for hop in (0, *hops):
        begin += hop * step
        window = samples[begin : begin + 32]
        features = stream.advance(window, hop * step if begin else 32)
        alone = front_end.compute(window.copy())
        assert features.images.tobytes() == alone.images.tobytes()
        np.testing.assert_array_equal(features.statistics, alone.statistics)


def test_streams_of_one_front_end_are_independent(make_front_end):
    front_end, a, b = make_front_end(), noise(40, 6, 1), noise(40, 6, 2)
    first, second = front_end.stream(), front_end.stream()
    for stream, samples in ((first, a), (second, b)):
        stream.advance(samples[:32], 32)
    np.testing.assert_array_equal(first.advance(a[8:], 8).images, front_end.compute(a[8:]).images)
    np.testing.assert_array_equal(second.advance(b[8:], 8).images, front_end.compute(b[8:]).images)


def test_features_are_not_overwritten_when_the_stream_goes_on(make_front_end):
    stream, samples = make_front_end().stream(), noise(40, 6)
    features = stream.advance(samples[:32], 32)
    images, values = features.images.copy(), features.statistics.copy()
    stream.advance(samples[8:], 8)
    np.testing.assert_array_equal(features.images, images)
    np.testing.assert_array_equal(features.statistics, values)


def test_an_unknown_statistic_is_refused_and_the_known_ones_listed(make_front_end, is_sentence):
    with pytest.raises(
        ContractError, match="statistic 'entropy', expected one of mean, "
    ) as caught:
        make_front_end(statistics=("mean", "entropy"))
    assert is_sentence(str(caught.value))

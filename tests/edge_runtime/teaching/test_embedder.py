import dataclasses

import numpy as np
import pytest

from edge_runtime import read_model
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import ContractError, DataError
from edge_runtime.frontend import FrontEnd
from edge_runtime.network.interpreter import Model
from edge_runtime.teaching.embedder import EMBEDDER, Embedder


def test_block_sizes_add_up_to_the_embedding_size():
    for channels, rate_hz, window_s in (
        ("acc+gyro", 50.0, 2.0),
        ("acc", 100.0, 5.0),
        ("acc_y", 20.0, 0.8),
    ):
        embedder = Embedder.bundled(channels, rate_hz, window_s)
        assert sum(embedder.draft.taught.blocks) == embedder.embedding_size
        n = embedder.draft.window_samples
        shape = (2, n, len(embedder.draft.stream.channels))
        windows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        assert embedder.embed(windows).shape == (2, embedder.embedding_size)


def test_an_embedding_is_texture_spectrum_and_statistics():
    embedder = Embedder.bundled("acc", 50.0, 2.0)
    window = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    features = FrontEnd.of(embedder.draft).compute(window)
    (embedding,) = embedder.embed(window[None])
    texture, spectrum, *_ = embedder.draft.taught.blocks
    np.testing.assert_array_equal(
        embedding[texture : texture + spectrum],
        np.r_[features.images.mean(2).ravel(), features.images.max(2).ravel()],
    )
    np.testing.assert_array_equal(embedding[texture + spectrum :], features.statistics)
    # each image is embedded alone, so the same window gives the same embedding again
    other = window + np.float32(0.0)
    np.testing.assert_array_equal(embedder.embed(other[None])[0], embedding)


def test_the_bundled_network_embeds_like_an_exported_one(demo_model_path, demo_recording_path):
    file = read_model(demo_model_path)
    exported = Embedder.of_file(demo_model_path)
    bundled = Embedder.bundled(CHANNELS, 50.0, 5.0)
    assert exported.draft.taught.blocks == bundled.draft.taught.blocks
    one = exported.embed(file.golden.windows)
    other = bundled.embed(file.golden.windows)
    texture = bundled.draft.taught.blocks[0]
    np.testing.assert_allclose(one[:, texture:], other[:, texture:], atol=1e-3, rtol=1e-4)
    # both textures are int8
    assert np.corrcoef(one[:, :texture].ravel(), other[:, :texture].ravel())[0, 1] > 0.98


def test_unsupported_streams_are_refused(is_sentence):
    for arguments in (
        ("acc", 5.0, 2.0),
        ("acc", 50.0, 0.1),
        ("nose", 50.0, 2.0),
        (("acc_x", "acc_y"), 50.0, 2.0),
    ):
        with pytest.raises(DataError) as caught:
            Embedder.bundled(*arguments)
        assert is_sentence(str(caught.value))


def test_embeddings_of_another_kind_are_refused(demo_model_path, is_sentence):
    file = read_model(demo_model_path)
    front = dataclasses.replace(
        file.contract.front_end, statistics=("std", "mean", *file.contract.front_end.statistics[2:])
    )
    with pytest.raises(
        ContractError, match="gives embeddings of 3326 values, expected the texture"
    ) as caught:
        Embedder(file.tflite, dataclasses.replace(file.contract, front_end=front))
    assert is_sentence(str(caught.value))


def test_the_bundled_network_is_no_classifier(make_contract):
    with pytest.raises(ContractError, match="cannot load the network"):
        Model(EMBEDDER.read_bytes(), make_contract())

"""The convolutional head and the CNN: against loops in numpy, flax, and what their equations promise."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

import liquidjax as lj
from liquidjax.models import vision
from liquidjax.models.vision import CNN, ConvolutionalHead

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)
HEAD = ConvolutionalHead(17, 26)  # no multiple of the strides, so that padding is not symmetric
NETWORK = CNN(53, 56)
THIN = (2, 3, 2, 3, 2)


def images(*shape):
    return jax.random.uniform(jax.random.key(1), (*shape, 3))


def convolved_by_loops(x, kernel, bias, stride, padding):
    """The sum over the window, pixel by pixel; "SAME" pads with zeros, the odd one at the end."""
    size = kernel.shape[0]
    if padding == "SAME":
        total = [max((math.ceil(n / stride) - 1) * stride + size - n, 0) for n in x.shape[:2]]
        x = np.pad(x, [(total[0] // 2, total[0] - total[0] // 2), (total[1] // 2, total[1] - total[1] // 2), (0, 0)])
    height, width = ((n - size) // stride + 1 for n in x.shape[:2])
    y = np.zeros((height, width, kernel.shape[-1]))
    for row in range(height):
        for column in range(width):
            window = x[row * stride : row * stride + size, column * stride : column * stride + size]
            for channel in range(kernel.shape[-1]):
                y[row, column, channel] = (window * kernel[..., channel]).sum() + bias[channel]
    return np.maximum(y, 0)


def thin_convolutions():
    biases = jnp.split(abs(jax.random.normal(KEY, (sum(THIN),))), np.cumsum(THIN)[:-1])
    drawn = vision.init_convolutions(KEY, THIN)
    return [layer._replace(bias=bias) for layer, bias in zip(drawn, biases, strict=True)]


@pytest.mark.parametrize("padding, size", [("SAME", (9, 14)), ("VALID", (53, 58))])
def test_convolutions_are_the_sums_over_windows(padding, size):
    layers, image = thin_convolutions(), images(*size)
    expected = np.asarray(image, float)
    for layer, (_, stride) in zip(layers, vision.KERNELS, strict=True):
        kernel, bias = np.asarray(layer.kernel, float), np.asarray(layer.bias, float)
        expected = convolved_by_loops(expected, kernel, bias, stride, padding)
    assert expected.max() > 0.1
    np.testing.assert_allclose(vision.convolve(layers, image, padding), expected, atol=1e-10)


def test_cnn_is_the_same_network_in_flax():
    params, frames = NETWORK.init(KEY), images(2, 53, 56)
    x = vision.standardised(frames)
    for layer, (size, stride) in zip(params.convolutions, vision.KERNELS, strict=True):
        convolution: Any = linen.Conv(layer.kernel.shape[-1], (size, size), stride, "VALID")
        x = jax.nn.relu(convolution.apply({"params": layer._asdict()}, x))
    x = x.reshape(2, -1)
    for layer in params.hidden:
        dense: Any = linen.Dense(len(layer.bias))
        x = jax.nn.relu(dense.apply({"params": {"kernel": layer.weight, "bias": layer.bias}}, x))
    np.testing.assert_allclose(NETWORK.apply(params, frames), x @ params.output, atol=1e-10)


def test_a_feature_is_the_linear_map_of_one_channel():
    params, image = HEAD.init(KEY), images(17, 26)
    maps = np.asarray(vision.convolve(params.convolutions, vision.standardised(image), "SAME"))
    assert maps.shape == (3, 4, 8)
    features = HEAD.apply(params, image)
    for channel in range(8):
        weight, bias = params.channels.weight[channel], params.channels.bias[channel]
        expected = np.maximum(maps[..., channel].ravel() @ weight + bias, 0)
        np.testing.assert_allclose(features[4 * channel : 4 * channel + 4], expected, atol=1e-10)


def test_brightness_and_contrast_are_taken_out_and_a_blank_image_is_zero():
    image = images(5, 6)
    seen = vision.standardised(image)
    assert abs(float(seen.mean())) < 1e-6 and abs(float(seen.std()) - 1) < 1e-5
    np.testing.assert_allclose(vision.standardised(40 * image + 7), seen, atol=1e-4)
    np.testing.assert_array_equal(vision.standardised(jnp.ones((5, 6, 3))), 0)
    faint = image.at[:].set(1).at[0, 0, 0].add(1e-3)  # below the bound, 1 / sqrt(90), of the divisor
    np.testing.assert_allclose(vision.standardised(faint), (faint - faint.mean()) * math.sqrt(90), atol=1e-10)


def test_what_moves_in_the_image_moves_in_the_maps():
    """By 8 pixels, the product of the strides, is by one pixel of the maps, where no padding is in reach."""
    layers, image = vision.init_convolutions(KEY, THIN), images(16, 160)
    maps = vision.convolve(layers, image, "SAME")
    moved = vision.convolve(layers, jnp.roll(image, 8, axis=1), "SAME")
    np.testing.assert_allclose(moved[:, 7:-6], maps[:, 6:-7], atol=1e-10)
    assert np.max(np.abs(moved[:, 7:-6] - maps[:, 7:-6])) > 0.01


@pytest.mark.parametrize("network, size, outputs", [(HEAD, (17, 26), 32), (NETWORK, (53, 56), 1)])
def test_any_batch_axes_and_finite_gradients(network, size, outputs):
    params, frames = network.init(KEY), images(2, 3, *size).at[0, 0].set(0.5)  # one is blank
    apply = jax.jit(network.apply)
    together = apply(params, frames)
    assert together.shape == (2, 3, outputs)
    np.testing.assert_allclose(apply(params, frames[1, 2]), together[1, 2], atol=1e-10)
    gradient = jax.jit(jax.grad(lambda p, x: (network.apply(p, x) ** 2).sum(), argnums=(0, 1)))(params, frames)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
    assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient))


def test_a_cell_reads_the_features_of_all_frames():
    cell = lj.LTC(HEAD.features, lj.NCP(12, 6, 1, 6, 4, 6, 6))
    frames = images(3, 2, 17, 26)
    params = HEAD.init(KEY), cell.init(KEY)
    _, steering = lj.unroll(cell, params[1], HEAD.apply(params[0], frames))
    assert steering.shape == (3, 2, 1)
    one_by_one, state = [], cell.initial_state((2,))
    for frame in frames:
        state, output = lj.step(cell, params[1], state, HEAD.apply(params[0], frame))
        one_by_one.append(output)
    np.testing.assert_allclose(steering, one_by_one, atol=1e-10)


def test_equal_networks_are_equal_values():
    assert ConvolutionalHead(17, 26) == HEAD and hash(ConvolutionalHead(17, 26)) == hash(HEAD) and HEAD != NETWORK


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ConvolutionalHead(0, 9), "height must be an integer of at least 1, got 0"),
        (lambda: CNN(53, 52), "width must be an integer of at least 53, got 52"),
        (
            lambda: HEAD.apply(HEAD.init(KEY), images(26, 17)),
            r"height = 17, width = 26, 3\), got float64 \(26, 17, 3\)",
        ),
        (lambda: HEAD.apply(HEAD.init(KEY), images(26)), r"got float64 \(26, 3\)"),
        (lambda: HEAD.apply(HEAD.init(KEY), images(17, 26)[..., :1]), r"got float64 \(17, 26, 1\)"),
        (lambda: NETWORK.apply(NETWORK.init(KEY), jnp.ones((53, 56, 3), "uint8")), "must be floating point.*got uint8"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

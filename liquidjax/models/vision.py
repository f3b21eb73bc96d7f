"""The two convolutional networks of the lane-keeping experiments: images to features, and images to steering."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_params
from liquidjax._checks import check_array, check_key, check_size, settle
from liquidjax._types import Array, exportable
from liquidjax.layers.linear import Linear, init_linear, uniforms

COLOURS = 3
KERNELS = ((5, 2), (5, 2), (3, 2), (3, 1), (3, 1))
"""(size, stride) of the kernels of both networks, layer by layer."""


@exportable
class Convolution(NamedTuple):
    """kernel (height, width, channels in, channels out), bias (channels out)."""

    kernel: Array
    bias: Array


@exportable
class ConvolutionalHeadParams(NamedTuple):
    """convolutions: first to last; channels: weight (channels, pixels, features per channel), bias without pixels."""

    convolutions: tuple[Convolution, ...]
    channels: Linear


@exportable
class CNNParams(NamedTuple):
    """convolutions: first to last; hidden: (pixels * channels, 1000), (1000, 100); output: (100, 1), without bias."""

    convolutions: tuple[Convolution, ...]
    hidden: tuple[Linear, ...]
    output: Array


@dataclass(frozen=True)
class ConvolutionalHead:
    """Images to features: five convolutions, and for each channel of the last one a linear map of its own.

    Each image is standardised; a convolution pads so that only its stride makes the image smaller, and ReLU follows it.
    feature[c, i] = relu(sum over pixels p of weight[c, p, i] * map[p, c] + bias[c, i]): a feature sees one channel. A
    recurrent cell with `features` inputs reads the result: apply the head to all frames, then unroll the cell.

    Args:
        height: of an image, in pixels.
        width: of an image, in pixels.

    Raises:
        ValueError: a size is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> head = ConvolutionalHead(height=16, width=24)
        >>> cell = lj.GRU(head.features, units=5)
        >>> head_key, cell_key = jax.random.split(jax.random.key(0))
        >>> features = head.apply(head.init(head_key), jnp.ones((10, 3, 16, 24, 3)))
        >>> features.shape, lj.unroll(cell, cell.init(cell_key), features)[1].shape
        ((10, 3, 32), (10, 3, 5))

    Reference:
        Lechner et al. (2020), table 2 and methods; ReLU after the linear maps, the padding and the standardisation are
        those of the training code published with the paper.
    """

    height: int = 78
    width: int = 200
    channels: ClassVar[tuple[int, ...]] = (24, 36, 48, 64, 8)
    features_per_channel: ClassVar[int] = 4

    def __post_init__(self):
        settle(self, check_size, "height", "width")

    @property
    def features(self) -> int:
        """Number of features of an image."""
        return self.channels[-1] * self.features_per_channel

    def init(self, key: Array) -> ConvolutionalHeadParams:
        """Draws the parameters: kernels He-uniform with bias 0, linear maps as everywhere in this package."""
        kernel_key, channel_key = jax.random.split(check_key(key))
        shrink = math.prod(stride for _, stride in KERNELS)
        pixels = math.ceil(self.height / shrink) * math.ceil(self.width / shrink)
        keys = jax.random.split(channel_key, self.channels[-1])
        linear = jax.vmap(lambda key: init_linear(key, pixels, self.features_per_channel))(keys)
        return ConvolutionalHeadParams(init_convolutions(kernel_key, self.channels), linear)

    def apply(self, params: ConvolutionalHeadParams, images: Array) -> Array:
        """Features (*batch, features) of images (*batch, height, width, 3), floating point."""
        check_params(self, params)
        images = _check_images(images, self.height, self.width)
        maps = convolve(params.convolutions, standardised(images), "SAME")
        maps = maps.reshape(*images.shape[:-3], math.prod(maps.shape[-3:-1]), self.channels[-1])
        features = jax.vmap(lambda linear, pixels: linear(pixels), in_axes=(0, -1), out_axes=-2)(params.channels, maps)
        return jax.nn.relu(features).reshape(*images.shape[:-3], self.features)


@dataclass(frozen=True)
class CNN:
    """Images to one number, the network without memory that recurrent ones are compared with.

    Five convolutions without padding, layers of 1000 and 100, all with ReLU, and a linear output without bias. Each
    image is standardised. (The published training drops features before each dense layer; this network does not.)

    Args:
        height: of an image, in pixels, at least 53, so that a pixel is left.
        width: of an image, in pixels, at least 53.

    Raises:
        ValueError: a size is out of range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> network = CNN(height=53, width=60)
        >>> network.apply(network.init(jax.random.key(0)), jnp.ones((10, 53, 60, 3))).shape
        (10, 1)

    Reference:
        Lechner et al. (2020), table 2, after Bojarski et al., "End to end learning for self-driving cars" (2016); sizes
        and standardisation as in the training code published with the paper.
    """

    height: int = 78
    width: int = 200
    channels: ClassVar[tuple[int, ...]] = (24, 36, 48, 64, 64)
    hidden_units: ClassVar[tuple[int, ...]] = (1000, 100)

    def __post_init__(self):
        settle(self, functools.partial(check_size, least=53), "height", "width")

    def init(self, key: Array) -> CNNParams:
        """Draws the parameters: kernels and output He-uniform, linear maps as everywhere in this package."""
        kernel_key, output_key, *keys = jax.random.split(check_key(key), 2 + len(self.hidden_units))
        height, width = self.height, self.width
        for size, stride in KERNELS:
            height, width = (height - size) // stride + 1, (width - size) // stride + 1
        sizes = (height * width * self.channels[-1], *self.hidden_units)
        limit = math.sqrt(6 / sizes[-1])
        return CNNParams(
            init_convolutions(kernel_key, self.channels),
            tuple(init_linear(*layer) for layer in zip(keys, sizes[:-1], sizes[1:], strict=True)),
            uniforms(output_key, (((sizes[-1], 1), -limit, limit),))[0],
        )

    def apply(self, params: CNNParams, images: Array) -> Array:
        """The output (*batch, 1) for images (*batch, height, width, 3), floating point."""
        check_params(self, params)
        images = _check_images(images, self.height, self.width)
        x = convolve(params.convolutions, standardised(images), "VALID")
        x = x.reshape(*images.shape[:-3], math.prod(x.shape[-3:]))
        for layer in params.hidden:
            x = jax.nn.relu(layer(x))
        return x @ params.output


def standardised(images: Array) -> Array:
    """(x - mean) / max(standard deviation, 1 / sqrt(numbers in an image)), each image (*batch, h, w, channels) apart.

    Example:
        >>> standardised(jnp.array([[[0.0], [2.0]]])).ravel()
        Array([-1.,  1.], dtype=float32)

    Reference:
        `tf.image.per_image_standardization` of TensorFlow.
    """
    centred = images - images.mean((-3, -2, -1), keepdims=True)
    variance = (centred**2).mean((-3, -2, -1), keepdims=True)
    # The bound inside the root: an image of one colour has variance 0, where the root has no finite slope.
    return centred / jnp.sqrt(jnp.maximum(variance, 1 / math.prod(images.shape[-3:])))


def init_convolutions(key: Array, channels: Sequence[int]) -> tuple[Convolution, ...]:
    """A convolution of each size of `KERNELS` from colours to `channels`: He-uniform kernels, bias 0."""
    parts = []
    for (size, _), before, after in zip(KERNELS, (COLOURS, *channels[:-1]), channels, strict=True):
        limit = math.sqrt(6 / (size * size * before))
        parts.append(((size, size, before, after), -limit, limit))
    return tuple(Convolution(kernel, jnp.zeros(kernel.shape[-1])) for kernel in uniforms(key, tuple(parts)))


def convolve(convolutions: Sequence[Convolution], images: Array, padding: Literal["SAME", "VALID"]) -> Array:
    """x <- relu(kernel * x + bias) for each convolution, with the strides of `KERNELS`.

    Args:
        convolutions: one for each of `KERNELS`.
        images: (*batch, height, width, channels).
        padding: "SAME" for ceil(size / stride) pixels, "VALID" for those that need no padding.

    Returns:
        The maps, (*batch, height, width, channels).
    """
    x = images.reshape(math.prod(images.shape[:-3]), *images.shape[-3:])  # one batch axis, as lax has it
    for (kernel, bias), (_, stride) in zip(convolutions, KERNELS, strict=True):
        layout = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=layout)
        x = jax.nn.relu(x + bias)
    return x.reshape(*images.shape[:-3], *x.shape[1:])


def _check_images(images: Any, height: int, width: int) -> Array:
    images = check_array("images", images)
    if images.shape[-3:] != (height, width, COLOURS) or not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"images must be floating point (*batch, height = {height}, width = {width}, {COLOURS}), "
            f"got {images.dtype} {images.shape}"
        )
    return images

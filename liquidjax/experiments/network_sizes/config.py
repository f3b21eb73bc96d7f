"""What is built and run to be counted."""

from dataclasses import dataclass

from liquidjax._bounds import check_seed
from liquidjax._checks import check_size


@dataclass(frozen=True)
class NetworkSizesConfig:
    """What is built and run; images of another size, or another draw of the wiring, have other counts."""

    height: int = 78
    """Rows of an image, at least 53."""
    width: int = 200
    """Columns of an image, at least 53."""
    frames: int = 2
    """Images in the sequence that every network is run on."""
    wiring_seed: int = 20190120
    """Seed of the draw of the NCP's synapses; this one stands in the training code published with the paper."""
    seed: int = 0
    """Seed of the parameters and of the images."""

    def __post_init__(self):
        check_size("height", self.height, least=53, most=4096)
        check_size("width", self.width, least=53, most=4096)
        check_size("frames", self.frames, least=1, most=1000)
        check_seed("wiring_seed", self.wiring_seed)
        check_seed("seed", self.seed)
        # The first dense layer of the CNN has up to 1000 parameters for each pixel of an image.
        check_size("height * width", self.height * self.width, least=1, most=500_000)
        check_size("frames * height * width", self.frames * self.height * self.width, least=1, most=10_000_000)

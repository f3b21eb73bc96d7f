"""What all tests and examples ask of XLA and of JAX, by the environment: imported before anything that imports JAX."""

import hashlib
import os
import platform
from pathlib import Path

from jaxlib.version import __version__ as jaxlib_version

# Most tests compile much and compute little, so XLA is asked to compile fast into slower code, unless XLA_FLAGS says
# otherwise: `make test-long` sets it empty for what is compared with the peer, `make test-all` for trainings. The older
# emitters halve the time to compile, but may compute one value twice and contract it to a fused multiply-add in one of
# the two places only, which makes an adaptive solver wrong (see xla_fusion.py): so they go without that instruction.
QUICK = "--xla_backend_optimization_level=0"
# XLA ends the process at a flag that it does not know, and later versions no longer have those emitters.
OLDER_EMITTERS = jaxlib_version.startswith("0.10.")
if OLDER_EMITTERS and platform.machine().lower() in ("x86_64", "amd64"):
    QUICK += " --xla_cpu_use_fusion_emitters=false --xla_cpu_max_isa=AVX"
os.environ.setdefault("XLA_FLAGS", QUICK)

CACHE = Path(__file__).parents[1] / ".pytest_cache" / "xla"


def processor() -> str:
    """What a compiled program may be for that JAX does not look at: the instructions of this processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


# Three quarters of the time go to compiling. So programs are kept: those of the other processes of a run, and those of
# the run before. What is compiled is in the name of a file, so nothing is found that is not what would be compiled now.
# Processes that tests start share it, by the environment.
KIND = hashlib.sha256(f"{processor()} {os.environ['XLA_FLAGS']}".encode()).hexdigest()[:16]
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE / KIND))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

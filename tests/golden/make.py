"""The reference data beside this file, and how more of it is made.

    pip install -e ".[golden]"
    python tests/golden/make.py                     the names of the cases that can be made here
    python tests/golden/make.py ltc_fc cfc_mixed    these again, from the weights and inputs in their files
    python tests/golden/make.py --new ltc_one_input drawn anew: a case that was added to CASES in one line
    python tests/golden/make.py --check             all again, and how far they are from the files; nothing is written

Every file holds `param/...`, the peer's own state_dict; `in/...`, what went in, batch first; `out/...`, what came out;
`grad/...`, the gradient of the sum of squares of all outputs and of the last state; `wiring/...` where there is one;
and `meta`, JSON: the peer, its version, the call and its arguments. The numbers are those of the peer in float32 (in
float64 where the name says so), and `float32_error` says how far they are from what it computes in float64. With
irregular steps each sample is a call of its own, because ncps mixes up samples and neurons where their numbers agree.

Where each group is from:

- `ltc_*`, `cfc_*`: LTC and CfC of ncps 1.0.1 on PyTorch, made by this script.
- `wirings_ncps`: the wirings of ncps 1.0.1, by number; made by this script.
- `velora_*`, `wirings_velora`: velora 0.2.0 on PyTorch. It draws its wirings from the state of a global generator and
  depends on older versions of much else, so that it is no extra here, and the script that made them is not kept.
- `euler_layer_*`: the layer of a tutorial, a formula that stands in `meta`, evaluated in float64. No package.
- Edifice is written in Elixir; nothing of it stands here. Its formulas are tested against loops in numpy.
"""

import argparse
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
BATCH, TIME = 4, 12
CASES: dict[str, dict[str, Any]] = {
    "ltc_one_input": {
        "call": "LTC",
        "input_size": 1,
        "units": ("AutoNCP", {"units": 8, "output_size": 1}),
        "irregular": True,
    },
}
"""Cases to draw, by name: the class, its arguments, and if wanted `irregular`, `float64`, `time`, `seed`."""
NOISE_ON = ("input_w", "input_b", "output_w", "output_b", "erev")
"""Parameters that start at 0 or 1, or at -1 and 1, where a mistake would not show."""


def network(call: str, arguments: dict[str, Any]):
    """The module of ncps, in float64, with its wiring built where it has one."""
    import ncps.torch
    import ncps.wirings

    arguments = dict(arguments)
    units, wiring = arguments["units"], None
    if isinstance(units, dict):
        wiring = getattr(ncps.wirings, units["class"].rsplit(".", 1)[-1])(**units["arguments"])
        arguments["units"] = wiring
    module = getattr(ncps.torch, call.rsplit(".", 1)[-1])(**arguments)
    return module, getattr(module.rnn_cell, "_wiring", wiring)


def run(call: str, arguments: dict[str, Any], param, given, dtype) -> dict[str, np.ndarray]:
    """`out/...` and `grad/...` of the peer, computed in the dtype."""
    import torch

    torch.set_default_dtype(dtype)
    try:
        module, _ = network(call, arguments)
        module.to(dtype)
        module.load_state_dict({key: torch.tensor(array, dtype=dtype) for key, array in param.items()})
        inputs = {key: torch.tensor(array, dtype=dtype, requires_grad=True) for key, array in given.items()}
        samples = [slice(i, i + 1) for i in range(len(inputs["x"]))] if "dt" in inputs else [slice(None)]
        results = []
        for rows in samples:
            x, dt = inputs["x"][rows], inputs["dt"][rows] if "dt" in inputs else None
            state = inputs["h0"][rows] if "h0" in inputs else None
            if "c0" in inputs:
                state = (state, inputs["c0"][rows])
            y, state = module(x, state, timespans=dt)
            results.append((y, *state) if isinstance(state, tuple) else (y, state))
        out = dict(zip(("y", "state", "c"), (torch.cat(parts) for parts in zip(*results, strict=True)), strict=False))
        (torch.sum(out["y"] ** 2) + torch.sum(out["state"] ** 2)).backward()
    finally:
        torch.set_default_dtype(torch.float32)
    found = {f"out/{key}": array.detach().numpy() for key, array in out.items()}
    gradients = dict(module.named_parameters()) | inputs
    found |= {f"grad/{key}": leaf.grad.numpy() for key, leaf in gradients.items() if leaf.grad is not None}
    return found


def with_results(data: dict[str, np.ndarray], meta: dict[str, Any]) -> dict[str, np.ndarray]:
    """The file of a case: its weights and inputs, and all that the peer makes of them."""
    import torch

    param, given = (
        {k.split("/", 1)[1]: v for k, v in data.items() if k.startswith(kind)} for kind in ("param/", "in/")
    )
    exact = own = run(meta["call"], meta["arguments"], param, given, torch.float64)
    dtype = data["in/x"].dtype
    versions = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    meta = {"peer": "ncps", "version": importlib.metadata.version("ncps")} | meta | versions
    if dtype == np.float32:
        own = run(meta["call"], meta["arguments"], param, given, torch.float32)
        worst = {key: float(np.max(np.abs(own[f"out/{key}"] - exact[f"out/{key}"]))) for key in ("y", "state")}
        gradients = [key for key in exact if key.startswith("grad/") and np.any(exact[key])]
        relative = [np.max(np.abs(own[k] - exact[k])) / np.max(np.abs(exact[k])) for k in gradients]
        errors = worst | {"grad_relative": float(max(relative))}
        meta |= {"float32_error": {key: float(f"{error:.2g}") for key, error in errors.items()}}
    _, wiring = network(meta["call"], meta["arguments"])
    masks = {}
    if wiring is not None and hasattr(wiring, "adjacency_matrix"):
        masks = {"adjacency": wiring.adjacency_matrix, "sensory_adjacency": wiring.sensory_adjacency_matrix}
    kept = {key: array for key, array in data.items() if key.startswith(("param/", "in/"))}
    made = {key: np.asarray(array, dtype) for key, array in own.items()}
    made |= {f"wiring/{key}": np.asarray(array, np.int32) for key, array in masks.items()}
    return {"meta": np.array(json.dumps(meta)), **kept, **made}


def again(name: str) -> dict[str, np.ndarray]:
    """A case that has a file, from the weights and inputs in it."""
    with np.load(FOLDER / f"{name}.npz") as file:
        data = dict(file)
    return with_results(data, json.loads(str(data["meta"])))


def draw(
    call: str, seed: int = 0, irregular=False, float64=False, time: int = TIME, **arguments
) -> dict[str, np.ndarray]:
    """A case of CASES: weights as the peer draws them, with noise where they would be trivial, and normal inputs."""
    import torch

    if isinstance(arguments["units"], tuple):
        kind, of_wiring = arguments["units"]
        arguments["units"] = {"class": f"ncps.wirings.{kind}", "arguments": of_wiring}
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    dtype = np.float64 if float64 else np.float32
    module, _ = network(call, arguments)
    data = {f"param/{key}": value.numpy().astype(dtype) for key, value in module.state_dict().items()}
    for key, array in data.items():
        if key.rsplit(".", 1)[-1].removeprefix("sensory_") in NOISE_ON:
            data[key] = (array + rng.normal(0, 0.1, array.shape)).astype(dtype)
    data["in/x"] = rng.normal(size=(BATCH, time, arguments["input_size"])).astype(dtype)
    state = ("h0", "c0") if arguments.get("mixed_memory") else ("h0",)
    for key in state:
        data[f"in/{key}"] = rng.normal(0, 0.5, (BATCH, module.state_size)).astype(dtype)
    if irregular:
        data["in/dt"] = rng.uniform(0.1, 2, (BATCH, time)).astype(dtype)
    meta = {"call": f"ncps.torch.{call}", "arguments": arguments, "seed": seed}
    return with_results(data, meta | {"noise_on": NOISE_ON, "one_call_per_sample": irregular})


def distance(made: dict[str, np.ndarray], name: str) -> float:
    """The largest difference from the committed file, relative to the largest entry of its array or to 1."""
    with np.load(FOLDER / f"{name}.npz") as file:
        stored = {key: file[key] for key in file if key != "meta"}
    assert set(made) - {"meta"} == set(stored), set(made) ^ set(stored)
    assert all(made[key].dtype == array.dtype and made[key].shape == array.shape for key, array in stored.items())
    return max(np.max(np.abs(made[k] - v), initial=0) / max(1, np.max(np.abs(v), initial=0)) for k, v in stored.items())


def wirings_again() -> dict[str, np.ndarray]:
    """The arrays of `wirings_ncps`, from the classes and arguments in its `meta`."""
    import ncps.wirings

    with np.load(FOLDER / "wirings_ncps.npz") as file:
        found = {"meta": file["meta"]}
    for number, case in enumerate(json.loads(str(found["meta"]))["wirings"]):
        wiring = getattr(ncps.wirings, case["class"].rsplit(".", 1)[-1])(**case["arguments"])
        wiring.build(case["input_dim"])
        found[f"{number:02d}/adjacency"] = np.asarray(wiring.adjacency_matrix, np.int32)
        found[f"{number:02d}/sensory_adjacency"] = np.asarray(wiring.sensory_adjacency_matrix, np.int32)
    return found


def names() -> list[str]:
    """The cases that have a file and can be made again here."""
    return sorted(path.stem for path in FOLDER.glob("*.npz") if path.stem.startswith(("ltc_", "cfc_")))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Reference data from ncps.")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--new", action="store_true", help="draw weights and inputs anew, as CASES says")
    parser.add_argument("--check", action="store_true", help="write nothing, say how far each is from its file")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        for name in chosen.names or names():
            print(f"{name}: {distance(again(name), name):.2g}")
        print(f"wirings_ncps: {distance(wirings_again(), 'wirings_ncps'):.2g}")
    elif not chosen.names:
        print(*names(), sep="\n")
    else:
        there = [name for name in chosen.names if chosen.new and (FOLDER / f"{name}.npz").exists()]
        if there:
            parser.error(f"{there[0]} has a file, from other weights: remove it first")
        for name in chosen.names:
            arrays: dict[str, Any] = draw(**CASES[name]) if chosen.new else again(name)
            np.savez(FOLDER / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Where IREE is not installed it says how to get it."""

import importlib.metadata
import sys

import pytest

from liquidjax.export import iree
from small_models import PLAIN


def test_without_iree_it_says_how_to_get_it(tmp_path, monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(iree, "version", version)
    monkeypatch.setitem(sys.modules, "iree.runtime", None)
    (tmp_path / "old").write_bytes(b"")
    for call in (lambda: iree.write(PLAIN, tmp_path / "new"), lambda: iree.load(tmp_path / "old")):
        with pytest.raises(ImportError, match=r'pip install "liquidjax\[iree\]"'):
            call()
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch must be an integer of at least 1, got 0"),
        ({"time": 1.5}, "time must be an integer of at least 1, got 1.5"),
        ({"target": "cuda"}, "target must be one of 'llvm-cpu', 'vmvx', got 'cuda'"),
        ({"cpu": "skylake"}, "cpu must be one of 'generic', 'host', got 'skylake'"),
    ],
)
def test_what_it_is_not_compiled_for_is_refused_first(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        iree.write(PLAIN, tmp_path / "new", **options)

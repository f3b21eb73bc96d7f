"""A model as files of ONNX, which many runtimes read: for any batch, a step and a sequence."""

from liquidjax.export.onnx.writing import Written as Written
from liquidjax.export.onnx.writing import write as write

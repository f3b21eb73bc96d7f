"""A model as one module of JavaScript that needs nothing else: for browsers, Node and whatever else runs it."""

from liquidjax.export.javascript.writing import Written as Written
from liquidjax.export.javascript.writing import write as write

"""Formulas as MathML, which browsers draw by themselves: no script, no font and no address outside is needed."""

from typing import Any

import latex2mathml.converter
from docutils import nodes


def inline(writer: Any, node: nodes.math) -> None:
    """A formula within a line."""
    writer.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def display(writer: Any, node: nodes.math_block) -> None:
    """A formula by itself, which scrolls where the screen is narrower."""
    formula = latex2mathml.converter.convert(node.astext(), display="block")
    writer.body.append(f'<div class="formula" tabindex="0">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Registers the renderer under the name that conf.py gives to html_math_renderer."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(display, None))

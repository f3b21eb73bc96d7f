"""How Sphinx builds the site: `make docs`. What is generated is written by docs/making/ before it reads."""

import importlib.metadata
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from making import autodoc  # noqa: E402

# The one setting for links to the repository, such as https://github.com/NAME/liquidjax: with it every example has a
# button for Colab and every page a link to its source. Without, both are left out.
repository = os.environ.get("LIQUIDJAX_REPOSITORY", "").rstrip("/")

project = "liquidjax"
copyright = "the liquidjax authors, Apache License 2.0"
version = release = importlib.metadata.version("liquidjax")

extensions = ["sphinx.ext.autodoc", "myst_nb", "sphinx_copybutton", "making.mathematics", "making.generated"]
exclude_patterns = ["_build", "executed", "making", "moving_figure", "screenshots"]
nitpicky = True
# Types of other packages, and aliases of types, are text.
nitpick_ignore_regex = [(r"py:.*", r"(?!liquidjax\.).*"), (r"py:.*", r"liquidjax\.(.*\.)?_.*")]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_mock_imports = autodoc.missing("jax2onnx", "onnx", "onnxruntime", "iree")
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # making/notebooks.py brings the outputs
nb_merge_streams = True
html_math_renderer = "mathml"

html_theme = "pydata_sphinx_theme"
html_title = "liquidjax"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
# A page without others below it has no list of them beside it.
html_sidebars = {
    page: []
    for page in ("choosing", "cells", "cite", "coming", "faq", "genindex", "house/*", "index", "search", "start")
}
html_copy_source = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if repository:
    html_theme_options["icon_links"] = [{"name": "Source", "url": repository, "icon": "fa-brands fa-github"}]

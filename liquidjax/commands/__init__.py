"""The commands of `liquidjax`: a function each, whose docstring is its help; `__main__.py` starts them."""

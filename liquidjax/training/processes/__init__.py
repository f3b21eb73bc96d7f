"""Several processes that train together: how they find, hear and leave each other."""

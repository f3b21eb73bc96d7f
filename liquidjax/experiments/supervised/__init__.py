"""A network learns series of anybody's: what `liquidjax train` does with a configuration."""

"""The configurations that come with the package, found by their names."""

from pathlib import Path

PACKAGE = Path(__file__).parents[2]
FOLDERS = (PACKAGE / "configs", PACKAGE.parent / "configs")
"""Where they are in an installed package, and in a checkout."""


def located(path: Path) -> Path:
    """The path itself, or where the configuration lies that is called so and comes with the package.

    Raises:
        FileNotFoundError: a bare name by which there is neither a file nor a configuration of the package.

    Example:
        >>> located(Path("digits")).name, located(Path("my/own.yaml")).as_posix()
        ('digits.yaml', 'my/own.yaml')
    """
    if path.exists() or path.suffix or len(path.parts) != 1:
        return path
    for folder in FOLDERS:
        if (folder / f"{path}.yaml").is_file():
            return folder / f"{path}.yaml"
    names = sorted({file.stem for folder in FOLDERS for file in folder.glob("*.yaml")})
    raise FileNotFoundError(f"{path} is no file, and no configuration of the package: these are {', '.join(names)}")

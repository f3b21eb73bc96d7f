"""Images of digits in a CSV file, each value checked."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from liquidjax._bounds import shown
from liquidjax.experiments.shared import configuration
from liquidjax.tasks import digits


def read_images(file: Path) -> np.ndarray:
    """The rows of a CSV file of images (images, 64), each value checked; see `predict`."""
    images: list[list[float]] = []
    for number, (line, fields) in enumerate(_records(file)):
        place = f"{file}, line {line}"
        if number == 0 and _is_header(fields):
            continue
        if len(fields) != digits.PIXELS:
            hint = " with a comma between them" if len(fields) == 1 else ""
            hint = "; the last of them is empty: leave out the last comma" if not fields[-1].strip() else hint
            raise ValueError(f"{place}: expected {digits.PIXELS} pixel values, got {len(fields)}{hint}")
        values = []
        for column, text in enumerate(fields, start=1):
            value = _number(text)
            if value is None or value > digits.WHITE:
                raise ValueError(
                    f"{place}, column {column}: expected a number from 0 to {digits.WHITE:g}, got {shown(text.strip())}"
                )
            values.append(value)
        if 0 < max(values) <= 1:
            raise ValueError(
                f"{place}: no pixel of the image is above {max(values):g}, so it seems to be scaled to "
                f"0..1; expected values from 0 (background) to {digits.WHITE:g}: multiply them by "
                f"{digits.WHITE:g}"
            )
        images.append(values)
    if not images:
        raise ValueError(f"{file} holds no images: expected rows of {digits.PIXELS} pixel values")
    return np.array(images)


def _records(file: Path) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file that are not empty, each with the line on which it begins, from 1."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, strict=True)
        line = 1
        try:
            for fields in reader:
                if any("\0" in field for field in fields):
                    raise ValueError(f"{file}, line {line}: holds a NUL byte, so it is no CSV in UTF-8; save it as one")
                if len(fields) > 1 or any(field.strip() for field in fields):
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{file}, line {line}: not CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{file} must be CSV in UTF-8, and byte {error.start} of what was read is not; save it as one"
            ) from error


def _is_header(fields: list[str]) -> bool:
    """Whether these are 64 names: none is a number, none is empty, and no two are the same."""
    names = {text.strip() for text in fields}
    return len(names) == digits.PIXELS and "" not in names and all(_number(text) is None for text in fields)


def _number(text: str) -> float | None:
    """The number that is written so, in digits; None for all else (also for what Python reads: 1_0, nan, inf)."""
    text = text.strip(" \t")
    if configuration.DECIMAL.fullmatch(text) is None:
        return None
    value = float(text)
    return value if value >= 0 else None

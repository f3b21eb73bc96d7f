"""Parquet files as columns of their own types."""

from pathlib import Path

import numpy as np

from liquidjax._bounds import shown
from liquidjax.tasks.dataset import MOST_NUMBERS
from liquidjax.tasks.readers.columns import Columns
from liquidjax.tasks.readers.names import check_header


def read_parquet(path: Path, missing: tuple[str, ...] = ()) -> Columns:
    """A Parquet file; pandas' description of its index in it is passed over, so that every column is a column.

    Args:
        path: the file.
        missing: texts that stand for nothing, besides blank ones and nulls.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file that is no Parquet or is damaged, or one without rows.
    """
    import pandas
    import pyarrow
    import pyarrow.parquet

    with path.open("rb") as source:
        try:
            # Not read_table, which also reads columns out of the names of folders.
            file = pyarrow.parquet.ParquetFile(source)
            size = file.metadata.num_rows * file.metadata.num_columns
            table = file.read() if size <= MOST_NUMBERS else None
            if table is not None:
                for number, field in enumerate(table.schema):
                    if pyarrow.types.is_dictionary(field.type):
                        plain = table.column(number).cast(field.type.value_type)
                        table = table.set_column(number, field.name, plain)
                table.validate(full=True)
        except (MemoryError, KeyboardInterrupt):
            raise
        except Exception as error:  # what is raised for a damaged file has no class in common
            raise ValueError(
                f"{path} must be a Parquet file, and cannot be read as one: {shown(str(error))}"
            ) from error
    if table is None:
        raise ValueError(f"{path} must hold at most {MOST_NUMBERS} numbers, got {size}; cut it into smaller files")
    check_header(str(path), table.column_names)
    if not table.num_rows:
        raise ValueError(f"{path} must hold rows, and holds none")
    frame = table.to_pandas(types_mapper=pandas.ArrowDtype, ignore_metadata=True)
    rows = np.arange(1, table.num_rows + 1)
    return Columns([path], frame, np.zeros(len(rows), int), rows, "row", missing)

"""Images of digits in CSV files: what is read, and which row is no image."""

import pytest

from liquidjax.experiments.digits import images

ROW = ",".join(["0"] * 64)

HEADER = ",".join(f"p{number}" for number in range(64))


@pytest.mark.parametrize(
    "text, message",
    [
        (f"{ROW}\n1,2\n", "line 2: expected 64 pixel values, got 2"),
        (f"{ROW}\n{ROW},\n", "line 2: expected 64 pixel values, got 65"),
        (f"{ROW}\n17{ROW[1:]}\n", "line 2, column 1: expected a number from 0 to 16, got '17'"),
        (f"{ROW[:-1]}-1\n", "line 1, column 64: expected a number from 0 to 16, got '-1'"),
        (f"{ROW}\nnan{ROW[1:]}\n", "line 2, column 1: expected a number from 0 to 16, got 'nan'"),
        (f"{ROW}\n\n{ROW[:-1]}x\n", "line 3, column 64: expected a number from 0 to 16, got 'x'"),
        *(
            (f"{number}{ROW[1:]}\n", f"line 1, column 1: expected a number .*, got {number!r}")
            for number in ("1_0", "inf", "-inf", "1e400", "NaN", "٣", "0x1", "1e", "None", "")
        ),
        ("a,b\nc,d\n", "line 1: expected 64 pixel values, got 2"),
        ("", "holds no images"),
        ("\n \n\r\n", "holds no images"),
        (HEADER, "holds no images"),
        ("a,b\n", "line 1: expected 64 pixel values, got 2"),
        (f"{HEADER}\n{HEADER}", "line 2, column 1: expected a number from 0 to 16, got 'p0'"),
        (",".join(["nan"] * 64), "line 1, column 1: expected a number from 0 to 16, got 'nan'"),  # no names
        (",".join(["x"] * 63), "line 1: expected 64 pixel values, got 63"),
        ("," * 63, "line 1, column 1: expected a number from 0 to 16, got ''"),
        (f"{ROW},\n", "got 65; the last of them is empty"),
        (ROW.replace(",", ";"), "got 1 with a comma between them"),
        (f"{HEADER}\n\n0.5,1{ROW[3:]}\n", "line 3: no pixel of the image is above 1, so it seems to be scaled to 0..1"),
        (f"{ROW}\n\n{'0' * 200_000}", "line 3: not CSV: field larger than field limit"),
        (f'{ROW}\n"0{ROW[1:]}\n{ROW}\n', "line 2: not CSV: unexpected end of data"),
        (f'"0"0{ROW[1:]}\n', "line 1: not CSV: "),
        (f'{ROW}\n"0\n"{ROW[1:]}\n17{ROW[1:]}\n', "line 2, column 1"),
        (f"\0{ROW[1:]}\n", "line 1: holds a NUL byte"),
        (f"{ROW}\n".encode("utf-16-le"), "line 1: holds a NUL byte"),
        (f"{ROW}\n".encode("utf-16"), "must be CSV in UTF-8"),
        (HEADER.replace("p0", "größe").encode("latin-1"), "must be CSV in UTF-8"),
    ],
)
def test_predict_names_the_row_that_is_no_image(text, message, tmp_path):
    (tmp_path / "some.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message) as caught:
        images.read_images(tmp_path / "some.csv")
    assert len(str(caught.value)) < len(str(tmp_path)) + 300 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}\n\n{ROW[:-1]}16\n",
        f"\ufeff{HEADER}\r\n{ROW}\r\n   \r\n{ROW[:-1]}16",
        f"\ufeff{ROW}\r{ROW[:-1]}16\r",
        ROW.replace("0", '"0"') + "\n" + ROW.replace(",", " ,\t")[:-1] + "+1.6e1\n",
        f"\n\n{ROW}\n{ROW[:-1]}16.",
    ],
    ids=["header", "windows", "old mac", "quotes and spaces", "empty lines"],
)
def test_a_header_and_empty_lines_are_passed_over(text, tmp_path):
    (tmp_path / "some.csv").write_bytes(text.encode())
    read = images.read_images(tmp_path / "some.csv")
    assert read.shape == (2, 64) and read[1, 63] == 16 and read.sum() == 16

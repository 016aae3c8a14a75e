from pathlib import Path

import numpy as np
import pytest
from prediction_tables import GOOD, assemble_text, error_of_text

from job.predictions.text_tables import read_text


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", ";").replace(".", ",").encode(),
        GOOD.replace(",", "\t").encode(),
        GOOD.replace(",", ", ").encode(),
        GOOD.replace(",", " , ").replace("\n", " \n").encode(),
        GOOD.replace("\n", ",\n").encode(),
        GOOD.replace("\n", ",\n").replace(",\n", "\n", 1).encode(),
        GOOD.replace("0.25", "0.25,, ").encode(),
        (GOOD + "\n\n").encode(),
        GOOD.replace("true", '"true"').encode(),
        GOOD.replace("true", "Y_True").replace("p_", "prob_").encode(),
    ],
    ids=[
        *("plain", "mark", "CRLF", "CR", "semicolon", "comma", "tab", "spaces", "spaces around", "trailing"),
        *("trailing values", "trailing value", "blank", "quotes", "names"),
    ],
)
def test_the_dialects_of_csv(tmp_path: Path, content: bytes) -> None:
    """All of them are the same table."""
    predictions = assemble_text(tmp_path, content).predictions
    assert predictions.y_true.tolist() == [0, 1]
    assert predictions.probabilities is not None
    assert predictions.probabilities.tolist() == [[0.75, 0.25], [0.125, 0.875]]


def test_decimal_commas_in_any_line(tmp_path: Path) -> None:
    """Whole numbers in the first lines do not hide them."""
    predictions = assemble_text(tmp_path, "true;p_0;p_1\n0;1;0\n1;0,125;0,875\n").predictions
    assert predictions.probabilities is not None
    assert predictions.probabilities.tolist() == [[1, 0], [0.125, 0.875]]


def test_labels_stay_texts() -> None:
    """Zeros in front, and names that look like missing values or booleans, are kept."""
    labels = read_text(b"label\n007\nNA\nnan\ntrue\n")["label"]
    assert labels.tolist() == ["007", "NA", "nan", "true"]


def test_a_list_of_labels_needs_no_header() -> None:
    """One column whose first line is no name of labels."""
    assert read_text(b"cat\ndog\n")[""].tolist() == ["cat", "dog"]
    assert read_text(b"label\ncat\n")["label"].tolist() == ["cat"]


def test_spaces_around_labels_do_not_count() -> None:
    """In a list and in a table."""
    assert read_text(b"cat \n hot dog\t\r\n")[""].tolist() == ["cat", "hot dog"]
    assert read_text(b"label , p\n cat , 1 \nhot dog ,2\n")["label"].tolist() == ["cat", "hot dog"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (GOOD + "1,0.2,0.7,0.1\n", "table.csv: line 4 has 4 values, but line 1 names 3 columns"),
        (GOOD.replace("0.25", "0.25,9"), "table.csv: line 2 has 4 values, but line 1 names 3 columns"),
        (GOOD.replace("0.25", "0.25,") + "1,0.2,0.8,3\n", "table.csv: line 4 has 4 values, but line 1 names 3 columns"),
        (
            GOOD.replace("0.25", "0.25,") + "1,0.2,0.8,,3\n",
            "table.csv: line 4 has 5 values, but line 1 names 3 columns",
        ),
        ("\n" + GOOD, "table.csv: line 1 is empty; write the names of the columns there, or the first label of a list"),
        (
            GOOD + "1,0.2\n",
            "table.csv: line 4, the last one, has 2 of 3 values and seems to be cut off; write the file",
        ),
        (
            GOOD.replace("\n", "\r\n") + "1",
            "table.csv: line 4, the last one, has 1 of 3 values and seems to be cut off",
        ),
        (GOOD + "1,0.2\n1,0.2,0.8\n", "table.csv, line 4, column p_1: is empty; write a probability"),
        (GOOD + "1,0.2\n1,0.2\n", "table.csv, line 4, column p_1: is empty; write a probability"),
        (GOOD + " \n", "table.csv, line 4, column true: is empty; write the class of each image"),
        (GOOD + "\n" + GOOD[13:], "table.csv, line 4, column true: is empty; write the class of each image"),
        (GOOD.encode() + b"caf\xe9,1,0\n", "table.csv: line 4 is not UTF-8 text; save the file as UTF-8"),
        (GOOD.encode("utf-16"), "table.csv: is UTF-16 text; save it as UTF-8"),
        ('true,p_0,p_1\n"0,1,0\n1,0,1\n', "table.csv: is not a CSV file ("),
        ("0,0.5,0.5\n1,0,1\n", "table.csv: line 1 has numbers, but must have the names of the columns"),
        ("cat,0.5,0.25\ndog,0,1\n", "table.csv: line 1 looks like data; write a header there, such as true,p_0,p_1"),
        ("cat,dog\ncat,cat\n", "table.csv: line 1 looks like data; write a header there, such as true,p_0,p_1"),
        (
            "cat,cat\ndog,cat\n",
            "table.csv: line 1: the column cat is listed twice; give each column its own name, or write a header",
        ),
        (
            "true,p_0,p_1\n0,0,75,0,25\n",
            "table.csv: line 2 has 5 values, but line 1 names 3 columns; if the numbers have decimal commas, separate",
        ),
        (
            'true,p_0,p_1\n0,"0,75","0,25"\n1,"0,5","0,5"\n',
            "table.csv, line 2, column p_0: '0,75' is not a number; write a decimal point, or separate the columns of",
        ),
        (
            "true;p_0;p_1\n0;0,75;0,25\n1;.125;0,875\n1;0,25;0,75\n",
            "table.csv: line 3, column p_0: .125 has a decimal point, but other numbers have a decimal comma; write",
        ),
        (
            "true;p_0;p_1\n0;0,75;0,25\n1;;0,875\n1;0,25;0,75\n",
            "table.csv, line 3, column p_0: is empty; write a probability",
        ),
        ("true,p_0,p_1\n", "table.csv: has the names of columns, but no row below them"),
        ("true,p_0,p_0\n0,1,0\n", "table.csv: line 1: the column p_0 is listed twice; give each column its own name"),
        (",".join(f"c{i}" for i in range(2001)) + "\n", "table.csv: line 1 has 2,001 columns; at most 2,000 are read"),
        (",".join(["c"] * 100_000) + "\n", "table.csv: line 1 has 100,000 columns; at most 2,000 are read"),
        ('true,"' + "p" * 200_000, "table.csv: is not a CSV file (field larger than field limit (131072)); close each"),
        ("cat\n\ndog\n", "table.csv: line 2 is empty; write one label per line"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: str | bytes, problem: str) -> None:
    """One line names the place."""
    assert error_of_text(tmp_path, content).startswith(problem)


def test_the_end_of_a_row_of_several_lines(tmp_path: Path) -> None:
    """It has fewer values than the header, but is not cut off."""
    text = 'true,p_0,p_1,note\n0,1,0,a\n1,0,1,"b\nc"\n'
    assert assemble_text(tmp_path, text).predictions.y_true.tolist() == [0, 1]


def test_a_large_table_is_read_exactly() -> None:
    """Every number as Python reads it, up to rounding in the last digit."""
    values = np.random.default_rng(0).dirichlet(np.ones(5), 2000)
    lines = ["p_0,p_1,p_2,p_3,p_4", *(",".join(map(repr, row)) for row in values.tolist())]
    columns = read_text("\n".join(lines).encode())
    assert np.stack(list(columns.values()), axis=1) == pytest.approx(values, rel=1e-15)


@pytest.mark.parametrize("n", [2**17 + 1, 2**20 + 1])
def test_a_long_last_line(n: int) -> None:
    """A column that is ignored may have long texts, such as images in base 64."""
    content = f"true,predicted,image_base64\n0,1,x\n1,1,{'x' * n}\n"
    assert [values.tolist() for values in read_text(content.encode()).values()][:2] == [["0", "1"], ["1", "1"]]

from img2imu.markdown import markdown_table


def test_a_table():
    assert markdown_table(["name", "value"], [["a", 1], ["b", 2.5]]) == (
        "| name | value |\n| --- | --- |\n| a | 1 |\n| b | 2.5 |"
    )


def test_an_empty_cell_is_one_space_wide():
    assert markdown_table(["", "x"], [["a", ""]]) == "| | x |\n| --- | --- |\n| a | |"


def test_a_table_without_rows_has_its_header():
    assert markdown_table(["x"], []) == "| x |\n| --- |"

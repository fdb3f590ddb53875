"""It says in a sentence, with the line, what is wrong with a file; and stores what is good."""

import pytest
from rest_framework.test import APIClient

from customers.models import Customer
from imports.models import ImportChunk
from imports.tests.uploads import counts, imported, report
from orders.models import Order

KNOWN = (
    "Known columns are id, code, name, first_name, last_name, phone_number, domain, document,"
    " language, time_zone."
)
NOT_UTF8 = "This line is not UTF-8; it looks like Latin-1 or Windows-1252. Save the file as UTF-8."
HEADER = "code,name\nC1,Ann\n"
BROKEN: list[tuple[str, str | bytes, int, str]] = [
    ("no header", "C1,Ann\nC2,Bob\n", 1,
     f"The first line has to name the columns; it names none that is known. {KNOWN}"),
    ("unknown column", "code,nmae\nC1,Ann\n", 1,
     f"There is no column nmae (the header is divided by commas). {KNOWN}"),
    ("unknown columns behind semicolons", "code;nmae;x\nC1;Ann;1\n", 1,
     f"There is no column nmae, x (the header is divided by semicolons). {KNOWN}"),
    ("column without a name", "code,name,\nC1,Ann,\n", 1,
     f'There is no column "" (the header is divided by commas). {KNOWN}'),
    ("bars", "code|name\nC1|Ann\n", 1,
     f"The columns are divided by bars (|). Divide them by commas, semicolons or tabs. {KNOWN}"),
    ("doubled column", "code,name,code\nC1,Ann,C2\n", 1,
     "The header names code more than once."),
    ("nothing to know them by", "phone_number\n0712345678\n", 1,
     "The header does not name any of id, code, domain, document, name, first_name, last_name."),
    ("quotes in the header", 'code,"na"me\nC1,Ann\n', 1,
     f"The quotes of the header do not match. {KNOWN}"),
    ("blank lines before it", "\n\r\ncode,x\n", 3,
     f"There is no column x (the header is divided by commas). {KNOWN}"),
    ("UTF-16", "code,name\nC1,Ann\n".encode("utf-16"), 1, "The file is UTF-16. Save it as UTF-8."),
    ("UTF-16 without a mark", "code,name\nC1,Ann\n".encode("utf-16-le"), 1,
     "The file is UTF-16. Save it as UTF-8."),
    ("Latin-1", b"code,name\nC1,Ann\nC2,Zo\xeb\nC3,Bob\n", 3, NOT_UTF8),
    ("Latin-1 behind CRs", b"code,name\rC1,Ann\rC2,Zo\xeb\rC3,Bob\r", 3, NOT_UTF8),
    ("Latin-1 in JSON", b'{"name": "Ann"}\r\n\r\n{"name": "Zo\xeb"}', 3, NOT_UTF8),
    ("a character that is cut off", b"code,name\nC1,Ann\nC2,Zo\xc3", 3, NOT_UTF8),
    ("a character in too many bytes", b"code,name\nC1,Ann\nC2,\xc0\xaf\n", 3, NOT_UTF8),
    ("a surrogate", b"code,name\nC1,Ann\nC2,\xed\xa0\x80\n", 3, NOT_UTF8),
    ("Latin-1 behind what is read of a line", HEADER.encode() + b"x" * 1_100_000 + b"\xeb\nC2,B\n",
     3, NOT_UTF8),
    ("Latin-1 header", "code,näme\nC1,Ann\n".encode("latin-1"), 1, NOT_UTF8),
    ("JSON array", '[{"code": "C1"}]', 1,
     "This is one JSON array. JSON Lines has one object on each line."),
    ("blank", " \n\n\r\n", 1, "The file is empty."),
    ("a mark and nothing else", b"\xef\xbb\xbf", 1, "The file is empty."),
    ("endless header", "code," + "x" * 1_000_000, 1, "This line is longer than 1,000,000 bytes."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [each[1:] for each in BROKEN],
    ids=[each[0] for each in BROKEN],
)
@pytest.mark.parametrize("mode", ["good", "all"])
def test_refuses_a_file_that_makes_no_sense(
    partner: APIClient, content: str | bytes, line: int, says: str, mode: str
) -> None:
    shown = imported(partner, content, mode=mode)

    assert (shown["state"], shown["detail"]) == ("failed", f"Line {line}: {says}"[:500])
    assert counts(shown) == {}
    assert [(row[0], row[3]) for row in report(partner, shown)] == [(line, says[:500])]
    assert not Customer.objects.exists()
    assert not ImportChunk.objects.exists()


LONG = "x" * 1_000_001
BAD_ROWS: list[tuple[str, str | bytes, tuple[int, str, str, str]]] = [
    ("too many values", HEADER + "C2,Bob,x\n",
     (3, "", "columns", "This row has 3 values; the header names 2 columns.")),
    ("too few values", HEADER + "C2\n",
     (3, "", "columns", "This row has 1 value; the header names 2 columns.")),
    ("another delimiter", HEADER + "C2;Bob\n",
     (3, "", "columns", "This row has 1 value; the header names 2 columns.")),
    ("the header once more", HEADER + "Code, name\n",
     (3, "", "header", "This is the header once more.")),
    ("a quote that never closes", HEADER + 'C2,"Bob\n',
     (3, "", "quote", "The quote that opens in line 3 is never closed.")),
    ("more behind a quote", HEADER + 'C2,"Bob"x\n',
     (3, "", "quote", "Behind a closing quote there is more than the next delimiter.")),
    ("an endless line", HEADER + f"C2,{LONG}\n",
     (3, "", "too_long", "This line is longer than 1,000,000 bytes.")),
    ("a bad phone", "code,name,phone_number\nC1,Ann,\n\nC2,Bob,x\n",
     (4, "phone_number", "phone",
      "This is no phone number. Give it with its country code: +254712345678.")),
    ("a NUL", HEADER + "C2,B\0b\n",
     (3, "name", "null_characters_not_allowed", "Null characters are not allowed.")),
    ("no JSON", '{"code": "C1", "name": "Ann"}\n{"code": \n',
     (2, "", "json", "This is not JSON: Expecting value (column 9).")),
    ("JSON that is no object", '{"code": "C1", "name": "Ann"}\n\n["C2"]\n',
     (3, "", "json", "A line has to be one JSON object.")),
    ("JSON without bounds", '{"code": "C1", "name": "Ann"}\n{"code": NaN}\n',
     (2, "", "json", "This is not JSON: a number is out of range.")),
    ("JSON that is too deep", '{"code": "C1", "name": "Ann"}\n' + '{"a":' * 50 + "1" + "}" * 50,
     (2, "", "json", "The JSON is nested too deeply.")),
    ("JSON that is far too deep", '{"code": "C1", "name": "Ann"}\n{"a":' + "[" * 100_000 + "\n",
     (2, "", "json", "The JSON is nested too deeply.")),
    ("an endless line of JSON", '{"code": "C1", "name": "Ann"}\n{"name": "' + LONG + '"}\n',
     (2, "", "too_long", "This line is longer than 1,000,000 bytes.")),
    ("an unknown member", '{"code": "C1", "name": "Ann"}\n{"name": "Bob", "nmae": 1}\n',
     (2, "nmae", "unknown", "There is no such field.")),
    ("an unknown member with a NUL", '{"code": "C1", "name": "Ann"}\n{"\\u0000\\ud800": 1}\n',
     (2, "\\0\\ud800", "unknown", "There is no such field.")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "problem"),
    [each[1:] for each in BAD_ROWS],
    ids=[each[0] for each in BAD_ROWS],
)
def test_refuses_a_row_and_keeps_the_others(
    partner: APIClient, content: str | bytes, problem: tuple[int, str, str, str]
) -> None:
    shown = imported(partner, content)

    assert (shown["state"], shown["percent"], shown["detail"]) == ("done", 100, "")
    assert counts(shown) == {"rows": 2, "created": 1, "refused": 1}
    assert report(partner, shown) == [problem]
    assert Customer.objects.values_list("code", "name").get() == ("C1", "Ann")


def test_reads_on_behind_a_quote_that_never_closes(partner: APIClient) -> None:
    rows = "".join(f"C{number},Bob {number}\n" for number in range(3, 2000))

    shown = imported(partner, f'{HEADER}C2,"Bob\n{rows}')

    assert counts(shown) == {"rows": 1999, "created": 1998, "refused": 1}
    said = "The quote that opens in line 3 is never closed."
    assert report(partner, shown) == [(3, "", "quote", said)]


def test_names_the_line_in_which_a_quote_of_several_opens(partner: APIClient) -> None:
    content = 'name,first_name\n"Ann\nLee","Bob\nCarl,x\n'

    shown = imported(partner, content)

    said = "The quote that opens in line 3 is never closed."
    assert report(partner, shown)[0] == (2, "", "quote", said)


def test_finds_one_bad_row_of_many(partner: APIClient) -> None:
    rows = [f"C{number},Bob {number}" for number in range(5000)]
    rows[4321] = "C4321"

    shown = imported(partner, "code,name\n" + "\n".join(rows))

    assert counts(shown) == {"rows": 5000, "created": 4999, "refused": 1}
    said = "This row has 1 value; the header names 2 columns."
    assert report(partner, shown) == [(4323, "", "columns", said)]
    assert Customer.objects.count() == 4999


GOOD: list[tuple[str, str | bytes]] = [
    ("commas", "code,name\nC1,Ann\nC2,Bob\n"),
    ("semicolons", "code;name\nC1;Ann\nC2;Bob\n"),
    ("tabs", "code\tname\nC1\tAnn\nC2\tBob\n"),
    ("a byte order mark", "\ufeffcode,name\nC1,Ann\nC2,Bob\n"),
    ("CRLF", "code,name\r\nC1,Ann\r\nC2,Bob\r\n"),
    ("CR", "code,name\rC1,Ann\rC2,Bob\r"),
    ("no end of line at the end", "code,name\nC1,Ann\nC2,Bob"),
    ("blank lines", "\ncode,name\n\nC1,Ann\n,\n  \nC2,Bob\n\n\n"),
    ("quotes", '"code","name"\n"C1","Ann"\n"C2","Bob"\n'),
    ("spaces and capitals in the header", " Code , NAME\nC1,Ann\nC2,Bob\n"),
    ("columns that are only shown", "code,name,created_at,uuid\nC1,Ann,x,\nC2,Bob,,y\n"),
    ("JSON Lines", '{"code": "C1", "name": "Ann"}\n{"code": "C2", "name": "Bob"}\n'),
    ("JSON Lines with a mark",
     '\ufeff{"code": "C1", "name": "Ann"}\r\n\r\n{"code": "C2", "name": "Bob"}'),
]  # fmt: skip


@pytest.mark.parametrize("content", [each[1] for each in GOOD], ids=[each[0] for each in GOOD])
def test_reads_what_programs_write(partner: APIClient, content: str) -> None:
    shown = imported(partner, content)

    assert counts(shown) == {"rows": 2, "created": 2}
    found = Customer.objects.order_by("code").values_list("code", "name")
    assert list(found) == [("C1", "Ann"), ("C2", "Bob")]


def test_reads_values_over_several_lines(partner: APIClient, john: Customer) -> None:
    header = "customer_code,amount,item\n"
    content = f'{header}CUST001,1,"A pen\r\n""of\n\nours"""\nCUST001,2,x\nCUST001,3,"y",z\n'

    shown = imported(partner, content, "orders")

    assert Order.objects.get(amount=1).description == 'A pen\r\n"of\n\nours"'
    assert report(partner, shown)[0][0] == 7


def test_refuses_a_name_over_several_lines(partner: APIClient) -> None:
    shown = imported(partner, 'code,name\nC1,"Ann\nthe first"\nC2,Bob\n')

    assert report(partner, shown)[0][:3] == (2, "name", "characters")
    assert list(Customer.objects.values_list("code", flat=True)) == ["C2"]


def test_a_file_without_rows_is_done(partner: APIClient) -> None:
    shown = imported(partner, "code,name\n")

    assert (shown["state"], shown["percent"], counts(shown)) == ("done", 100, {})

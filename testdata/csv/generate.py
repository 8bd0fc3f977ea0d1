#!/usr/bin/env python3
"""Makes the CSV files in this folder: files as people have them. `generate.py late FILE` makes the large one, with a wrong value at line 100,000.

The files are committed, so that tests need no Python; run this again after a change. `zstd` must be installed.
"""

import gzip
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent

FILES = {
    # What spreadsheets of many countries write.
    "semicolons.csv": "id;name;price\n1;Zürich;2.50\n2;Bern;3.75\n3;;\n",
    "no_header.csv": "1,Ada,1815-12-10\n2,Grace,1906-12-09\n3,Barbara,1939-11-07\n",
    "line_breaks.csv": 'id,address,city\n1,"1 Main Street\nFlat 2",London\n2,"2 Side Street",Paris\n3,"3 High Street\r\nFloor 4\r\nDoor 5",Rome\n',
    "ragged.csv": "id,name,city\n1,Ada,London\n2,Grace\n3,Barbara,Boston,extra\n4,Alan,Wilmslow\n",
    "empty.csv": "",
    "only_header.csv": "id,name,day\n",
    # Numbers as they are written in Germany, France and Brazil.
    "decimal_comma.csv": "article;price;weight\nA1;1,50;10\nB2;2,75;20,5\nC3;-0,25;\n",
    "dates_dotted.csv": "id,day\n1,31.01.2024\n2,01.02.2024\n3,29.02.2024\n",
    "dates_month_first.csv": "id,day\n1,01/31/2024\n2,02/01/2024\n3,02/29/2024\n",
    "dates_day_first.csv": "id,day\n1,31/01/2024\n2,01/02/2024\n3,29/02/2024\n",
    "dates_either.csv": "id,day\n1,01/02/2024\n2,03/04/2024\n3,05/06/2024\n",
    "timestamps.csv": "id,at,t\n1,2024-01-31 10:00:00,10:00:00\n2,2024-02-29T23:59:59.5,23:59:59\n3,,\n",
    "tabs.tsv": "id\tname\tnote\n1\tAda\ta, b\n2\tGrace\tc; d\n3\tAlan\t\n",
    "pipes.txt": "id|name|amount\n1|Ada|10.5\n2|Grace|20\n3|Alan|-3.25\n",
    "quotes_doubled.csv": 'id,said\n1,"She said ""no"""\n2,"a, b"\n3,""\n4,\n',
    "quotes_escaped.csv": 'id,said\n1,"She said \\"no\\""\n2,"a, b"\n3,"back\\\\slash"\n',
    "quotes_single.csv": "id,said\n1,'a, b'\n2,'it''s'\n3,'c'\n",
    "nulls.csv": "id,a,b\n1,NA,x\n2,5,\n3,7,NULL\n4,NA,\\N\n",
    "same_names.csv": "id,value,value,Value\n1,a,b,c\n2,d,e,f\n",
    "blank_lines.csv": "id,name,\n\n1,Ada,\n\n2,Grace,\n\n",
    "comments.csv": "# made by a machine\nid,name\n1,Ada\n# in between\n2,Grace\n",
    "mixed_ends.csv": "id,name\n1,Ada\r\n2,Grace\n3,Alan\r\n",
    "old_mac.csv": "id,name\r1,Ada\r2,Grace\r",
    "long_field.csv": "id,text\n1," + "x" * 100_000 + "\n2,short\n",
    "leading_zeros.csv": "postcode,town\n01067,Dresden\n20095,Hamburg\n04103,Leipzig\n",
    "booleans.csv": "id,word,letter,yes,digit\n1,true,t,yes,1\n2,FALSE,f,no,0\n3,True,t,yes,1\n",
    "wide_numbers.csv": "n,x\n9223372036854775807,1e3\n9223372036854775808,2.5\n",
    "preamble.csv": "Report of January\n\nid,name\n1,Ada\n2,Grace\n",
    "unclosed.csv": 'id,name\n1,Ada\n2,"Grace\n3,Alan\n4,Barbara\n',
    "one_column.csv": "word\nalpha\nbeta\n",
}

TEXT = "id,name,city\n1,Müller,Zürich\n2,François,Orléans\n3,Åsa,Malmö\n"

ENCODED = {
    "utf8_mark.csv": b"\xef\xbb\xbf" + TEXT.encode(),
    "latin1.csv": TEXT.encode("latin-1"),
    "utf16.csv": b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "utf16_big.csv": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    # The sign for the euro is what Windows-1252 has beyond Latin-1.
    "windows1252.csv": "id,price\n1,10 €\n2,20 €\n".encode("cp1252"),
}

PLAIN = "id,name\n1,Ada\n2,Grace\n3,Alan\n"


def late(path: str) -> None:
    """Whole numbers, and a word at line 100,000."""
    with open(path, "w") as file:
        file.write("id,n\n")
        for line in range(2, 120_001):
            file.write(f"{line},{'unknown' if line == 100_000 else line * 2}\n")


def main() -> None:
    if sys.argv[1:2] == ["late"]:
        return late(sys.argv[2])
    for name, text in FILES.items():
        (HERE / name).write_bytes(text.encode())
    for name, data in ENCODED.items():
        (HERE / name).write_bytes(data)
    (HERE / "gzip.csv.gz").write_bytes(gzip.compress(PLAIN.encode(), mtime=0))
    packed = subprocess.run(["zstd", "-q", "-c"], input=PLAIN.encode(), capture_output=True, check=True)
    (HERE / "zstd.csv.zst").write_bytes(packed.stdout)


main()

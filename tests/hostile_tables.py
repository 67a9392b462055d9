"""Hostile and broken delimited texts: lines, quotes, bytes, encodings, columns, and what stands in the fields."""

import random

from tests.hostile_case import (
    CATEGORIES,
    COLUMNS,
    ELSEWHERE,
    HEADER,
    REPORTED,
    UNREADABLE,
    Case,
    Make,
    later,
    of_bytes,
    of_text,
    one_of_each,
    sound_rows,
    table,
)
from tests.hostile_texts import HOSTILE_TEXTS

SOUND = table(sound=40)
ROW = "2026-03-02 14:30,theft,43.25,76.9"


def cases() -> list[Case]:
    """All cases of delimited text."""
    return [*_lines(), *_quotes(), *_bytes(), *_encodings(), *_columns(), *_numbers(), *_dates(), *_fields()]


def _lines() -> list[Case]:
    return one_of_each(
        "lines",
        {
            "one of 50 MB and nothing else": (later(lambda: of_text("x" * 50_000_000)), UNREADABLE),
            "one of 50 MB after sound rows": (later(lambda: of_text(SOUND + "x" * 50_000_000)), UNREADABLE),
            "one of 50 MB full of separators": (later(lambda: of_text(SOUND + "," * 50_000_000)), UNREADABLE),
            "a header of 50 MB": (later(lambda: of_text(HEADER + ",x" * 25_000_000 + "\n" + ROW)), UNREADABLE),
            "one field just below the limit": (
                later(lambda: of_text(table(f"2026-03-02,{'y' * 900_000},43.25,76.9"))),
                REPORTED,
            ),
            "ends mixed": (of_text(f"{HEADER}\r\n{ROW}\n{ROW}\r{ROW}\r\n"), REPORTED),
            "ends of the old Macintosh": (of_text(table(sound=9, end="\r")), REPORTED),
            "ends doubled": (of_text(table(sound=9, end="\r\r\n")), REPORTED),
            "no end after the last": (of_text(SOUND.rstrip("\n")), REPORTED),
            "cut off in the middle": (of_text(SOUND[:-20]), REPORTED),
            "two million empty ones": (later(lambda: of_text(SOUND + "\n" * 2_000_000 + ROW)), REPORTED),
            "a million before the header": (later(lambda: of_text("\n" * 1_000_000 + SOUND)), REPORTED),
            "separators of Unicode inside": (
                of_text(table(ROW.replace("theft", "a\u2028b\u2029c\x85d\x0be"))),
                REPORTED,
            ),
            "a page break between rows": (of_text(SOUND + "\x0c\n" + ROW), REPORTED),
            "the end sign of DOS": (of_text(SOUND + "\x1a"), REPORTED),
        },
    )


def _quotes() -> list[Case]:
    # Each of these opens a quotation mark wherever it is begun to be read, and each closes the one before.
    reopening = 'x"y,"z\n'
    return one_of_each(
        "quotes",
        {
            "one never closed at the start": (of_text(table('"' + ROW, *sound_rows(50))), REPORTED),
            "one never closed at the end": (of_text(table(ROW + ',"')), REPORTED),
            "never closed, 3 000 rows below": (of_text(table('"' + ROW, *sound_rows(3_000))), REPORTED),
            "opened anew in each of 60 000 lines": (later(lambda: of_text(SOUND + reopening * 60_000)), UNREADABLE),
            "opened anew in long lines": (later(lambda: of_text(SOUND + ("w" * 900 + reopening) * 20_000)), UNREADABLE),
            "only quotation marks": (later(lambda: of_text('"' * 200_000)), COLUMNS),
            "a record of 900 lines": (of_text(table('2026-03-02,"' + "a\n" * 900 + '",43.25,76.9')), REPORTED),
            "a record of 500 000 lines": (
                later(lambda: of_text(table('2026-03-02,"' + "a b c\n" * 500_000 + '",43.25,76.9'))),
                REPORTED,
            ),
            "doubled and stray": (of_text(table('2026-03-02,"a""b"c"d",43.25,76.9', '"",""')), REPORTED),
            "in the header": (of_text(table(header='"occurred_at","cate""gory","lat","lng"')), REPORTED),
            "an unclosed header": (of_text(table(header='occurred_at,"category,lat,lng')), COLUMNS),
            "apostrophes for quotes": (of_text(table("'2026-03-02','theft','43.25','76.9'")), REPORTED),
            "typographic quotes": (of_text(table("«2026-03-02»,“theft”,„43.25“,76.9")), REPORTED),
        },
    )


def _bytes() -> list[Case]:
    heads = {
        "PNG": b"\x89PNG\r\n\x1a\n",
        "JPEG": b"\xff\xd8\xff\xe0",
        "PDF": b"%PDF-1.7\n",
        "an old Excel file": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "7z": b"7z\xbc\xaf\x27\x1c",
        "RAR": b"Rar!\x1a\x07\x01\x00",
        "bzip2": b"BZh91AY&SY",
        "xz": b"\xfd7zXZ\x00",
        "a program": b"\x7fELF\x02\x01\x01" + bytes(9),
        "a web page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
        "XML": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        "a JSON list": b'[{"occurred_at": "2026-03-02"}]',
        "a pickle": b"\x80\x04\x95cposix\nsystem\n(S'true'\ntR.",
        "a tar archive": b"delivery.csv".ljust(257, b"\0") + b"ustar\x0000" + bytes(300),
    }

    def and_chance(head: bytes) -> Make:
        return of_bytes(lambda chance: head + chance.randbytes(3_000))

    renamed = {f"{name} named .csv": (and_chance(head), UNREADABLE) for name, head in heads.items()}
    sound = SOUND.encode()
    return one_of_each(
        "bytes",
        {
            **renamed,
            "a zero byte among the rows": (of_bytes(sound + ROW.encode().replace(b"theft", b"th\0eft")), UNREADABLE),
            "a megabyte of zero bytes at the end": (of_bytes(sound + bytes(1_000_000)), UNREADABLE),
            "only zero bytes": (later(lambda: of_bytes(bytes(5_000_000))), UNREADABLE),
            "chance alone": (of_bytes(lambda chance: chance.randbytes(2_000_000)), UNREADABLE),
            "chance without zero": (of_bytes(lambda chance: chance.randbytes(500_000).replace(b"\0", b"")), UNREADABLE),
            "only control characters": (of_bytes(bytes(range(1, 9)) * 5_000), COLUMNS),
        },
    )


def _encodings() -> list[Case]:
    russian = table("2026-03-02,Кража,43.25,76.9", "2026-03-03,Грабёж,43.25,76.9", sound=9)
    kazakh = table("2026-03-02,Ұрлық,43.25,76.9", "2026-03-03,Тонау,43.25,76.9", sound=9)
    mixed = russian.encode() + "2026-03-04,Кража,43.25,76.9\n".encode("cp1251")
    return one_of_each(
        "encodings",
        {
            "UTF-8 with its mark": (of_bytes(kazakh.encode("utf-8-sig")), REPORTED),
            "UTF-8 with two marks": (of_bytes(b"\xef\xbb\xbf" + kazakh.encode("utf-8-sig")), REPORTED),
            "a mark and nothing else": (of_bytes(b"\xef\xbb\xbf"), UNREADABLE),
            "a mark in the middle": (of_bytes(SOUND.encode() + kazakh.encode("utf-8-sig")), REPORTED),
            "UTF-16 little end first": (of_bytes(kazakh.encode("utf-16")), REPORTED),
            "UTF-16 big end first": (of_bytes(b"\xfe\xff" + kazakh.encode("utf-16-be")), REPORTED),
            "UTF-16 without its mark": (of_bytes(kazakh.encode("utf-16-le")), REPORTED),
            "UTF-16 of odd length": (of_bytes(kazakh.encode("utf-16") + b"x"), UNREADABLE),
            "UTF-16 that is chance": (of_bytes(lambda chance: b"\xff\xfe" + chance.randbytes(100_001)), UNREADABLE),
            "UTF-16 with a lone surrogate": (of_bytes(kazakh.encode("utf-16") + b"\x00\xd8a\0\n\0"), UNREADABLE),
            "UTF-16 with zero characters": (of_bytes(table("2026\0,\0,1,2").encode("utf-16")), REPORTED),
            "UTF-32": (of_bytes(kazakh.encode("utf-32")), UNREADABLE),
            "UTF-32 big end first": (of_bytes(b"\0\0\xfe\xff" + kazakh.encode("utf-32-be")), UNREADABLE),
            "a surrogate in UTF-8": (of_text(table("2026-03-02,\ud800,43.25,76.9")), REPORTED),
            "overlong UTF-8": (of_bytes(SOUND.encode() + b"2026-03-02,\xc0\xaf,43.25,76.9\n"), REPORTED),
            "UTF-8, then Windows Cyrillic": (of_bytes(mixed), REPORTED),
            "Windows Cyrillic": (of_bytes(russian.encode("cp1251")), REPORTED),
            "DOS Cyrillic": (of_bytes(russian.encode("cp866")), REPORTED),
            "Japanese": (of_bytes(table("2026-03-02,窃盗,43.25,76.9").encode("shift-jis")), REPORTED),
            "UTF-7": (of_bytes(russian.encode("utf-7")), REPORTED),
            "EBCDIC": (of_bytes(SOUND.encode("cp500")), COLUMNS),
        },
    )


def _columns() -> list[Case]:
    def many() -> str:
        return ",".join(f"c{number}" for number in range(100_000))

    wide = ",".join(f"c{number}" for number in range(1_990))
    return one_of_each(
        "columns",
        {
            "a hundred thousand": (later(lambda: of_text(f"{many()}\n{many()}\n")), UNREADABLE),
            "a hundred thousand beside ours": (later(lambda: of_text(f"{HEADER},{many()}\n{ROW}\n")), UNREADABLE),
            "just below the limit": (
                later(lambda: of_text(f"{HEADER},{wide}\n" + f"{ROW}{',1' * 1990}\n" * 300)),
                REPORTED,
            ),
            "doubled": (of_text(f"{HEADER},lat\n{ROW},43.3\n"), COLUMNS),
            "doubled and not needed": (of_text(f"{HEADER},note,note\n{ROW},a,b\n"), COLUMNS),
            "one name in three spellings": (of_text(f"{HEADER},LAT,L a t\n{ROW},1,2\n"), COLUMNS),
            "without names": (of_text(f"{HEADER},,,\n{ROW},a,b,c\n"), REPORTED),
            "no names at all": (of_text(",,,\n" * 50), UNREADABLE),
            "a header and no row": (of_text(HEADER + "\n"), UNREADABLE),
            "a header without its end": (of_text(HEADER), UNREADABLE),
            "no header": (of_text("\n".join(sound_rows(50))), COLUMNS),
            "the header twice": (of_text(table(HEADER, ROW)), REPORTED),
            "only one": (of_text("occurred_at\n" + "2026-03-02\n" * 50), COLUMNS),
            "a name of 100 000 letters": (of_text(f"{HEADER},{'n' * 100_000}\n{ROW},a\n"), REPORTED),
            "names that are ours": (of_text(f"{HEADER},line,ragged,repeat,geometry x\n{ROW},1,2,3,4\n"), REPORTED),
            "all rows too long": (of_text(f"{HEADER}\n" + f"{ROW},more\n" * 200), REPORTED),
            "all rows too short": (of_text(f"{HEADER}\n" + "2026-03-02,theft\n" * 200), REPORTED),
            "names with marks of direction": (
                of_text(table(header="\u202eoccurred_at,category,lat,\u2066lng")),
                REPORTED,
            ),
            "a separator announced and not used": (of_text("sep=;\n" + SOUND), COLUMNS),
            "a strange separator announced": (of_text('sep="\n' + SOUND), COLUMNS),
        },
    )


def _numbers() -> list[Case]:
    odd = (
        "1e999", "-1e999", "nan", "NaN", "inf", "-inf", "-0", "-0.0", "43.2N", "43°14'20\"", "43,25", "4 3.25", "0x2B",
        "٤٣.٢٥", "４３.２５", "1" * 5_000, "43." + "2" * 5_000, "43.25.1", "+43.25", "4325e-2", "1_000", "½", "null",
        "None", "#REF!", "43.25\u00a0", "\u202d43.25", "TRUE", "-", "--43", "180.0001", "90.0001", "1e-320",
    )  # fmt: skip
    return one_of_each(
        "numbers",
        {
            "every odd latitude": (of_text(_each(odd, "2026-03-02 14:{n:02},theft,{},76.9")), REPORTED),
            "every odd longitude": (of_text(_each(odd, "2026-03-02 14:{n:02},theft,43.25,{}")), REPORTED),
            "latitude and longitude odd": (of_text(_each(odd, "2026-03-02 14:{n:02},theft,{},{}")), REPORTED),
            "infinite alone": (of_text(f"{HEADER}\n" + "2026-03-02 14:30,theft,inf,nan\n" * 50), REPORTED),
            "zero by zero": (of_text(f"{HEADER}\n" + "2026-03-02 14:30,theft,-0.0,0e9\n" * 50), REPORTED),
            "swapped": (of_text(f"{HEADER}\n" + "2026-03-02 14:30,theft,76.9,43.25\n" * 50), ELSEWHERE),
            "of another country": (of_text(f"{HEADER}\n" + "2026-03-02 14:30,theft,-33.9,151.2\n" * 50), ELSEWHERE),
            "ids beyond all integers": (
                of_text(table(header=HEADER + ",id", sound=0) + f"{ROW},{'9' * 400}\n"),
                REPORTED,
            ),
        },
    )


def _dates() -> list[Case]:
    odd = (
        "0000-00-00", "0000-01-01", "0001-01-01", "9999999", "9999-12-31", "10000-01-01",
        "99999999-01-01", "-2026-03-02",
        "2026-13-01", "2026-00-10", "2026-02-30", "31.02.2026", "29.02.2025", "2026-03-02 24:00", "2026-03-02 25:61",
        "2026-03-02 23:59:60", "2026-03-02T14:30:00.123456789Z", "2026-03-02T14:30+99:99", "2026-03-02 14:30 Mars",
        "1900-01-01", "1899-12-30", "2125-01-01", "46000.5", "1e9", "nan", "now()", "2 марта 2026",
        "02/03/26", "２０２６-03-02",
        "2026-03-02\u200b", "2026-W10-1", "2026-061", "20260302", "2026-3-2 1:2", "2026-03-02 14.30",
        "12:00", "x" * 10_000,
    )  # fmt: skip
    windows = (
        "2026-03-05,2026-03-02", "2026-03-02,9999-12-31", "2026-03-02,", ",2026-03-02", "0000-00-00,2026-03-02",
        "2026-03-02 14:30,2026-03-02 14:29", "2024-02-29 23:59,2024-03-01 00:30", "2026-03-02,2126-03-02", ",",
    )  # fmt: skip
    parts = (
        "year,month,day,hour",
        "2026,13,1,1",
        "2026,2,30,5",
        "0,0,0,0",
        "99999,1,1,1",
        "2026,,,",
        "2026,1,1,99",
        "2.026e3,1,1,1",
    )
    epochs = "\n".join(str(10**power) for power in range(0, 40, 2))
    return one_of_each(
        "dates",
        {
            "every odd moment": (of_text(_each(odd, "{},theft,43.25,76.9")), REPORTED),
            "two ways to read every date": (of_text(f"{HEADER}\n" + "03/04/2026,theft,43.25,76.9\n" * 50), COLUMNS),
            "reversed and endless windows": (
                of_text(
                    "occurred_from,occurred_to,lat,lng\n" + "\n".join(f"{window},43.25,76.9" for window in windows)
                ),
                REPORTED,
            ),
            "impossible parts": (
                of_text(
                    "\n".join(f"{part},43.25,76.9" for part in (*parts,)).replace(
                        "year,month,day,hour,43.25,76.9", "year,month,day,hour,lat,lng"
                    )
                ),
                COLUMNS,
            ),
            "the hour that a clock leaves out": (
                of_text(f"{HEADER}\n" + "".join(f"2026-03-29 02:{n:02},theft,43.25,76.9\n" for n in range(60))),
                REPORTED,
            ),
            "counts of seconds, ever larger": (of_text(f"date\n{epochs}\n"), COLUMNS),
            "all in the year 9999": (of_text(f"{HEADER}\n" + "9999-12-31 23:59,theft,43.25,76.9\n" * 50), REPORTED),
            "no date in any row": (of_text(f"{HEADER}\n" + ",theft,43.25,76.9\n" * 50), REPORTED),
        },
    )


def _fields() -> list[Case]:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    def as_fields(texts: tuple[str, ...]) -> str:
        texts = tuple(text.replace("\x00", "") for text in texts)
        return table(*(f"2026-03-02 14:{n % 60:02},{quoted(text)},43.25,76.9" for n, text in enumerate(texts)))

    return one_of_each(
        "fields",
        {
            "every hostile text as a category": (of_text(as_fields(HOSTILE_TEXTS)), REPORTED),
            "every hostile text as a date": (
                of_text(table(*(f"{quoted(text)},theft,43.25,76.9" for text in HOSTILE_TEXTS if "\x00" not in text))),
                REPORTED,
            ),
            "every hostile text as a name": (
                of_text(
                    HEADER
                    + ","
                    + ",".join(quoted(text.replace("\x00", "")) for text in HOSTILE_TEXTS)
                    + "\n"
                    + ROW
                    + ",x" * len(HOSTILE_TEXTS)
                    + "\n"
                ),
                REPORTED,
            ),
            "formulas": (
                of_text(as_fields(("=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1"))),
                REPORTED,
            ),
            "every sign of the first planes": (
                of_text(as_fields(tuple(chr(sign) * 3 for sign in range(32, 0x2FFF, 7)))),
                REPORTED,
            ),
            "fifty thousand different categories": (
                of_text(
                    f"{HEADER}\n"
                    + "".join(f"2026-03-02 14:30,{n}{CATEGORIES[n % 4]},43.25,76.9\n" for n in range(50_000))
                ),
                "unknown_categories",
            ),
            "fifty thousand rows of chance": (later(lambda: of_bytes(_chance_table)), REPORTED),
            "one row fifty thousand times": (later(lambda: of_text(f"{HEADER}\n" + f"{ROW}\n" * 50_000)), REPORTED),
        },
    )


def _each(odd: tuple[str, ...], row: str) -> str:
    quoted = ('"' + text.replace('"', '""') + '"' for text in odd)
    return table(*(row.format(text, text, n=n) for n, text in enumerate(quoted)), sound=80)


def _chance_table(chance: random.Random) -> bytes:
    signs = "0123456789.-:, \"'\t;theftаұ\u202e"
    rows = ["".join(chance.choices(signs, k=chance.randrange(60))) for _ in range(50_000)]
    return table(*rows, sound=50).encode()

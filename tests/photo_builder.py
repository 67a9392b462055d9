"""Photos and scans for tests, as telephones and scanners make them and as nobody should. All of them are drawn."""

import io
import struct
import zlib
from random import Random

from PIL import Image, PngImagePlugin

MARKER = b"SECRET-12-FLAT"
"""Stands in everything that must not survive."""
EXIF_GPS = 0x8825
A_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def a_drawing(width: int = 240, height: int = 160, *, seed: int = 1) -> Image.Image:
    """A dark half above a light one, with noise, so that one sees which way is up."""
    noise = Image.frombytes("L", (width, height), Random(seed).randbytes(width * height))
    image = Image.new("RGB", (width, height), (230, 230, 230))
    image.paste((20, 20, 20), (0, 0, width, height // 2))
    return Image.blend(image, noise.convert("RGB"), 0.1)


def exif(*, orientation: int = 1) -> Image.Exif:
    """What a telephone writes: who, where, when and which way is up."""
    made = Image.Exif()
    made[0x010E], made[0x013B], made[0x0112] = MARKER.decode(), MARKER.decode(), orientation
    made.get_ifd(EXIF_GPS).update({1: "N", 2: (43.0, 15.0, 20.5), 3: "E", 4: (76.0, 56.0, 3.1), 29: "2026:11:02"})
    return made


def a_jpeg(*, seed: int = 1, orientation: int = 1, width: int = 240, height: int = 160) -> bytes:
    """A JPEG with EXIF and GPS, XMP, a comment, a profile with words in it, and a second picture behind it."""
    out = io.BytesIO()
    told = {"exif": exif(orientation=orientation), "comment": MARKER, "icc_profile": b"\0" * 128 + MARKER}
    a_drawing(width, height, seed=seed).save(out, format="JPEG", xmp=b"<x:xmpmeta>" + MARKER, **told)
    return out.getvalue() + MARKER


def a_png(*, seed: int = 1) -> bytes:
    """A PNG with text chunks, EXIF and a profile."""
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", MARKER.decode())
    told.add_itxt("XML:com.adobe.xmp", MARKER.decode())
    out = io.BytesIO()
    a_drawing(seed=seed).save(out, format="PNG", pnginfo=told, exif=exif(), icc_profile=b"\0" * 128 + MARKER)
    return out.getvalue()


def a_webp(*, seed: int = 1) -> bytes:
    """A WebP with EXIF, XMP and a profile."""
    out = io.BytesIO()
    a_drawing(seed=seed).save(
        out, format="WEBP", exif=exif(), xmp=b"<x:xmpmeta>" + MARKER, icc_profile=b"\0" * 128 + MARKER
    )
    return out.getvalue()


def a_png_of(width: int, height: int, *, data: bytes = b"") -> bytes:
    """A PNG whose head promises so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def a_packed_bomb() -> bytes:
    """A PNG of a few kilobytes that unpacks to far more pixels than a head may promise."""
    return a_png_of(20_000, 20_000, data=zlib.compress(bytes(4_000_000), 9))


def saved_as(kind: str, **given: object) -> bytes:
    """The drawing in a format of its own."""
    out = io.BytesIO()
    a_drawing().save(out, format=kind, **given)
    return out.getvalue()


def hostile_files(*, seed: int = 7) -> dict[str, bytes]:
    """Files that are no photo, by what is wrong with them; seeded damage to good ones among them."""
    jpeg, png, webp = a_jpeg(), a_png(), a_webp()
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    found = {
        "empty": b"",
        "one byte": b"\xff",
        "text": "Айдос, 12-пәтер".encode(),
        "html": b"<!doctype html><script>alert(1)</script>",
        "html before a jpeg": b"<!doctype html><script>alert(1)</script>" + jpeg,
        "svg": svg,
        "svg before a png": svg + png,
        "gif": saved_as("GIF"),
        "gif with script": b"GIF89a/*" + svg + b"*/",
        "bmp": saved_as("BMP"),
        "tiff": saved_as("TIFF"),
        "ico": saved_as("ICO"),
        "jpeg 2000 head": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
        "heic head": b"\0\0\0\x18ftypheic" + bytes(40),
        "avif head": b"\0\0\0\x18ftypavif" + bytes(40),
        "pdf": A_PDF,
        "zip": b"PK\x03\x04" + bytes(60),
        "gzip of a jpeg": b"\x1f\x8b\x08" + zlib.compress(jpeg),
        "elf": b"\x7fELF" + bytes(60),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 200 200\n(/etc/passwd) run\n",
        "50 000 x 50 000": a_png_of(50_000, 50_000),
        "a packed bomb": a_packed_bomb(),
        "no width": a_png_of(0, 100),
        "too small": a_png_of(10, 10, data=zlib.compress(bytes(310))),
        "endless png": png[:33] + b"\xff\xff\xff\xffIDAT" + png[41:],
        "jpeg head alone": jpeg[:20],
        "jpeg magic alone": b"\xff\xd8\xff\xe0",
        "png magic alone": png[:8],
        "webp magic alone": webp[:12],
        "riff that is no webp": b"RIFF\x24\0\0\0WAVEfmt " + bytes(24),
    }
    random = Random(seed)
    for name, whole in (("jpeg", jpeg), ("png", png), ("webp", webp)):
        for part in range(5):
            cut = random.randrange(30, len(whole) // 2)
            found[f"{name} cut {part}"] = whole[:cut]
    return found


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

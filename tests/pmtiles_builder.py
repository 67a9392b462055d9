"""Tiny PMTiles files (version 3) of vector tiles, written byte by byte from the two specifications."""

import gzip
import json
import math
import struct
from pathlib import Path

EXTENT = 4096
POINT, LINE, POLYGON = 1, 2, 3


def write_pmtiles(path: Path, layers, *, lat, lng, zoom=8, attribution="", kind=1) -> Path:
    """One tile that holds a point. ``layers`` maps a name to features: geometry type, positions of 0 to 4096, words."""
    x, y = _tile_of(lat, lng, zoom)
    tile = gzip.compress(b"".join(_field(3, _layer(name, features)) for name, features in layers.items()), mtime=0)
    directory = gzip.compress(b"".join(map(_varint, (1, _hilbert(zoom, x, y), 1, len(tile), 1))), mtime=0)
    metadata = gzip.compress(json.dumps({"attribution": attribution}).encode(), mtime=0)
    at = [127, 127 + len(directory), 127 + len(directory) + len(metadata)]
    parts = (at[0], len(directory), at[1], len(metadata), at[2], 0, at[2], len(tile))
    world = [round(degrees * 1e7) for degrees in (lng - 2, lat - 2, lng + 2, lat + 2)]
    middle = [round(degrees * 1e7) for degrees in (lng, lat)]
    flags = struct.pack("<6B", 1, 2, 2, kind, zoom, zoom)
    head = b"PMTiles\x03" + struct.pack("<8Q3Q", *parts, 1, 1, 1) + flags
    head += struct.pack("<4iB2i", *world, zoom, *middle)
    path.write_bytes(head + directory + metadata + tile)
    return path


def place_in_tile(lat, lng, zoom):
    """Where a point lies in its tile, in units of the tile."""
    scale = 2**zoom
    x, y = _projected(lat, lng)
    return [round((x * scale % 1) * EXTENT), round((y * scale % 1) * EXTENT)]


def _projected(lat, lng):
    sine = math.sin(math.radians(lat))
    return lng / 360 + 0.5, 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)


def _tile_of(lat, lng, zoom):
    x, y = _projected(lat, lng)
    return int(x * 2**zoom), int(y * 2**zoom)


def _hilbert(zoom, x, y):
    """Number of a tile: those of all coarser zooms, then its place on the Hilbert curve."""
    found = (4**zoom - 1) // 3
    side = 2 ** (zoom - 1) if zoom else 0
    while side:
        right, below = int(bool(x & side)), int(bool(y & side))
        found += side * side * ((3 * right) ^ below)
        if not below:
            if right:
                x, y = (2**zoom - 1) - x, (2**zoom - 1) - y
            x, y = y, x
        side //= 2
    return found


def _layer(name, features):
    words = sorted({(key, value) for _, _, told in features for key, value in told.items()})
    body = _field(1, name.encode())
    for kind, positions, told in features:
        tags = [number for item in told.items() for number in (words.index(item), words.index(item))]
        packed = _field(2, b"".join(map(_varint, tags))) + _varint(3 << 3) + _varint(kind)
        body += _field(2, packed + _field(4, b"".join(map(_varint, _geometry(kind, positions)))))
    body += b"".join(_field(3, key.encode()) for key, _ in words)
    body += b"".join(_field(4, _field(1, value.encode())) for _, value in words)
    return body + _varint(5 << 3) + _varint(EXTENT) + _varint(15 << 3) + _varint(2)


def _geometry(kind, positions):
    moves = [((b[0] - a[0]), (b[1] - a[1])) for a, b in zip([(0, 0), *positions], positions, strict=False)]
    zigzag = [(step << 1) ^ (step >> 31) for move in moves for step in move]
    commands = [(1 << 3) | 1, *zigzag[:2]]
    if kind != POINT:
        commands += [(len(positions) - 1) << 3 | 2, *zigzag[2:]]
    return [*commands, (1 << 3) | 7] if kind == POLYGON else commands


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number):
    packed = b""
    while number > 127:
        packed += bytes([number & 127 | 128])
        number >>= 7
    return packed + bytes([number])

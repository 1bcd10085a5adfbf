"""Draws xo/X and xo/O: every X and every O of 3 to 6 pixels at every place of a picture of 6 x 6, white on black.

    python3 xo.py

Only the Python standard library is needed.
"""

import os
import struct
import zlib

SIDE = 6


def x(row, column, size):
    return row == column or row + column == size - 1


def o(row, column, size):
    border = row in (0, size - 1) or column in (0, size - 1)
    corner = row in (0, size - 1) and column in (0, size - 1)
    return border and not corner


def picture(letter, size, top, left):
    rows = [[0] * SIDE for _ in range(SIDE)]
    for row in range(size):
        for column in range(size):
            if letter(row, column, size):
                rows[top + row][left + column] = 255
    return rows


def png(rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)  # 8 bits of grey
    # Stored without compression: the same bytes from every version of zlib.
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


if __name__ == "__main__":
    for name, letter in (("X", x), ("O", o)):
        os.makedirs(f"xo/{name}", exist_ok=True)
        for size in range(3, SIDE + 1):
            for top in range(SIDE - size + 1):
                for left in range(SIDE - size + 1):
                    with open(f"xo/{name}/{size}_{top}{left}.png", "wb") as file:
                        file.write(png(picture(letter, size, top, left)))

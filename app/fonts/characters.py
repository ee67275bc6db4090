"""The characters of the slip's font: GB 2312, the 8105 of the 通用规范汉字表, and common signs."""

import sys


def gb2312():
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                yield bytes([high, low]).decode("gb2312")
            except UnicodeDecodeError:
                pass


def standard(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("U+"):
                yield chr(int(line.split(":")[0][2:], 16))


RANGES = [(0x20, 0x7F), (0xA0, 0x100), (0x2010, 0x2028), (0x2030, 0x2040), (0xFF01, 0xFF5F), (0x3000, 0x3020)]
SIGNS = "€№℃™①②③④⑤⑥⑦⑧⑨⑩≤≥≈×÷±√→←↑↓■□●○◆★☆"

characters = set(gb2312()) | set(standard(sys.argv[1])) | set(SIGNS)
for first, end in RANGES:
    characters |= {chr(code) for code in range(first, end)}
sys.stdout.write("".join(sorted(characters)))

"""Makes SightlineSans.otf: the letters that pictures use, out of Inter (Debian: fonts-inter).

    python3 -m venv v && v/bin/pip install fonttools && v/bin/python make.py

What is taken away: kerning, ligatures and contextual forms, so that a text is as wide as its letters
are together, which is how we measure it (Inter would also draw an `x` between digits as a cross, and
`->` as an arrow). What is changed: digits are those of one width (Inter's `tnum`), so that numbers
line up; and the name, since it is no longer Inter.
"""

from fontTools import subset
from fontTools.ttLib import TTFont

SOURCE = "/usr/share/fonts/opentype/inter/Inter-Regular.otf"
FAMILY = "Sightline Sans"
# Latin, marks, Greek, Cyrillic, Vietnamese; punctuation, currencies, arrows, mathematics, shapes.
RANGES = [(0x20, 0x24F), (0x2B0, 0x52F), (0x1E00, 0x1EFF), (0x2010, 0x2027), (0x2030, 0x205E),
          (0x2070, 0x209C), (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2190, 0x2199), (0x2200, 0x2265),
          (0x25A0, 0x25CF), (0x26A0, 0x26A0)]

font = TTFont(SOURCE, recalcTimestamp=False)
tabular = {}
for record in font["GSUB"].table.FeatureList.FeatureRecord:
    if record.FeatureTag == "tnum":
        for index in record.Feature.LookupListIndex:
            for table in font["GSUB"].table.LookupList.Lookup[index].SubTable:
                tabular.update(getattr(table, "ExtSubTable", table).mapping)
for table in font["cmap"].tables:
    for code in range(ord("0"), ord("9") + 1):
        if code in table.cmap:
            table.cmap[code] = tabular.get(table.cmap[code], table.cmap[code])

options = subset.Options()
options.layout_features = []
options.drop_tables += ["GSUB", "GPOS", "GDEF", "DSIG"]
options.hinting = False
options.desubroutinize = False
options.notdef_outline = True
options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 7, 13, 14]
options.recalc_timestamp = False
subsetter = subset.Subsetter(options)
subsetter.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
subsetter.subset(font)

names = {1: FAMILY, 2: "Regular", 3: f"{FAMILY} 1", 4: FAMILY, 6: FAMILY.replace(" ", "") + "-Regular"}
for record in font["name"].names:
    if record.nameID in names:
        record.string = names[record.nameID]
cff = font["CFF "].cff
cff.fontNames = [names[6]]
cff.topDictIndex[0].FullName = FAMILY
cff.topDictIndex[0].FamilyName = FAMILY
font.save("SightlineSans.otf")

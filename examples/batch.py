"""Paint every photo of a folder, and go on where it stopped when it is started again.

python batch.py photos painting.jpg pastiches
"""

import sys
from pathlib import Path

import impasto

photos, painting, pastiches = sys.argv[1:4]
Path(pastiches).mkdir(exist_ok=True)
for photo in sorted(Path(photos).iterdir()):
    target = Path(pastiches) / f"{photo.stem}.png"
    if target.exists() or photo.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp"):
        continue
    try:
        pastiche = impasto.paint(photo, painting, size_px=640)
    except impasto.ImpastoError as error:
        print(f"left out: {error}", file=sys.stderr)
        continue
    pastiche.save(target)
    print(f"{target}: {pastiche.seconds:.0f} s", *pastiche.notices, sep="\n  ")

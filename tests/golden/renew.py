"""`make golden`: writes the golden files from what this version writes. The difference is what users and machines will see."""

import sys

from outside import names
from samples import FORMATS, HERE, as_json
from written import written

NAMES = HERE / "names.json"


def main() -> int:
    """Says which files changed."""
    FORMATS.mkdir(exist_ok=True)
    new = {FORMATS / name: content for name, content in written().items()} | {NAMES: as_json(names())}
    for path in sorted(set(FORMATS.iterdir()) - set(new)):
        path.unlink()
        print(f"gone: {path.name}")
    for path, content in new.items():
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            print(f"changed: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Print the version of every function of the corpus as JSON; needs only the standard library."""

import importlib
import json
import sys
import types
from pathlib import Path

source = Path(sys.argv[1])
# The packages' own __init__ files would import numpy, which this interpreter may lack.
for name in ("labelwright", "labelwright.core", "labelwright.functions"):
    module = types.ModuleType(name)
    module.__path__ = [str(source.joinpath(*name.split(".")))]
    sys.modules[name] = module
versions = importlib.import_module("labelwright.functions.versions")
sys.path.insert(0, str(Path(__file__).parent))
supervision = importlib.import_module("supervision")
print(json.dumps({name: versions.version_of(function) for name, function in supervision.ALL.items()}, indent=1))

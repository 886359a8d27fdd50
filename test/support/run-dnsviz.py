"""dnsviz, which looks for a module that pygraphviz no longer has (Debian 12)."""
import importlib
import sys
import types

import pygraphviz

if not hasattr(pygraphviz, "release"):
    release = types.ModuleType("pygraphviz.release")
    release.version = pygraphviz.__version__
    pygraphviz.release = release
    sys.modules["pygraphviz.release"] = release

importlib.import_module("dnsviz.commands." + sys.argv[1]).main(sys.argv[1:])

"""dnsviz, which looks for a module that pygraphviz no longer has (Debian 12), with a root of one's own."""
import importlib
import os
import sys
import types

import pygraphviz

if not hasattr(pygraphviz, "release"):
    release = types.ModuleType("pygraphviz.release")
    release.version = pygraphviz.__version__
    pygraphviz.release = release
    sys.modules["pygraphviz.release"] = release

if "ROOT_HINTS" in os.environ:
    importlib.import_module("dnsviz.util").ROOT_HINTS = os.environ["ROOT_HINTS"]

importlib.import_module("dnsviz.commands." + sys.argv[1]).main(sys.argv[1:])

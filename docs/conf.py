"""Settings of Sphinx."""

import pycom_tx

project = "pycom_tx"
author = "The pycom_tx developers"
copyright = "2026, the pycom_tx developers"
release = version = pycom_tx.__version__

extensions = ["repoze.sphinx.autointerface", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "pycom_tx"
exclude_patterns = ["_build"]

nitpicky = True
nitpick_ignore_regex = [
    # Their documentation is elsewhere.
    ("py:.*", r"(twisted|zope|typing|collections|types|pathlib)\..*"),
    (
        "py:.*",
        r"(Deferred|Failure|IAgent|IReactorTime|IResource|IStreamServerEndpoint|Self)",
    ),
    ("py:.*", r"(CollectorRegistry|TracebackType)"),
    # Annotations name them from within the package.
    ("py:.*", r"(Connection|INetwork|Opening|Method|Interface|IRegistry|PreHook|PostHook)"),
    ("py:.*", r"pycom_tx\.(client|components|host|nameserver|zerojson)\..*"),
    ("py:class", r"(_C|_F|K|V|_T|_Types)"),
    ("py:class", r"str \| <InterfaceClass .*>"),
    ("py:(obj|class|attr)", r".*\._[A-Z]"),
]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True

"""Metadata of pycom_tx; the tools' settings are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

version = next(
    line.split('"')[1]
    for line in (HERE / "pycom_tx" / "__init__.py").read_text("utf-8").splitlines()
    if line.startswith("__version__ = ")
)

setup(
    name="pycom_tx",
    version=version,
    description="Distributed components for Python, on Twisted",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    author="The pycom_tx developers",
    license="BSD-3-Clause",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    # twisted.plugins is no package of its own: Twisted's is extended by the one module.
    # package_dir makes setuptools treat it so in an editable install, too.
    package_dir={"": "."},
    packages=[*find_packages(include=["pycom_tx", "pycom_tx.*"]), "twisted.plugins"],
    package_data={"pycom_tx": ["py.typed"], "pycom_tx.gateway": ["console/*"]},
    install_requires=[
        # With TLS, for clients that reach services through a gateway, and for gateways.
        "twisted[tls]>=24.10",
        "txzmq>=1.0",
        "pyzmq>=26.0",
        "msgspec>=0.22",
        "google-re2>=1.1",
        "prometheus-client>=0.21",
        # Forms of HTTP, read as they arrive: Twisted's own parser wants all of one at once. It
        # has no dependencies, and treq has it as well.
        "multipart>=1.2",
        # What clients speak HTTP with.
        "treq>=24.9",
    ],
    extras_require={
        # Who else is measured by make bench.
        "bench": [
            "aiohttp>=3.9",
            "gevent>=24.2",
            "grpcio>=1.60",
            "Pyro5>=5.15",
            "rpyc>=6.0",
            "zerorpc>=0.6.3",
        ],
        "tracing": ["opentelemetry-api>=1.20"],
        "dev": [
            "build>=1.2",
            "coverage[toml]>=7.10",
            "furo>=2024.8.6",
            "hypothesis>=6.100",
            "import-linter>=2.1",
            "jsonschema>=4.21",
            "mypy>=1.15",
            "mypy-zope>=1.0.11",
            "opentelemetry-sdk>=1.30",
            "promql-parser>=0.5",
            "openapi-spec-validator>=0.7.1",
            "repoze.sphinx.autointerface>=1.0",
            "ruff>=0.9",
            "selenium>=4.20",
            "sphinx>=8.1",
            "towncrier>=24.8",
            "twine>=6.0",
        ],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Twisted",
        "Intended Audience :: Developers",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Software Development :: Object Brokering",
        "Topic :: System :: Distributed Computing",
        "Typing :: Typed",
    ],
)

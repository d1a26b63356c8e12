# SPDX-License-Identifier: MIT
"""Builds the extension module of a source distribution: the library and the wrappers in one."""

from glob import glob
from os.path import join
from sysconfig import get_config_var

from setuptools import Extension, setup

# Where Debian packages have the modules that speak with services.
modules = join("/usr/lib", get_config_var("MULTIARCH") or "", "libsnowid-0")

setup(
    ext_modules=[
        Extension(
            "snowid._snowid",
            sorted(glob("src/**/*.c", recursive=True)),
            include_dirs=["src", "src/include"],
            define_macros=[("_GNU_SOURCE", None), ("SN_MODULE_DIRECTORY", f'"{modules}"')],
            extra_compile_args=["-std=gnu11", "-fvisibility=hidden", "-pthread"],
            # The module registers a fork handler, so it must not be unloaded, and its calls must
            # not be bound to another libsnowid.
            extra_link_args=["-pthread", "-Wl,-z,nodelete", "-Wl,-Bsymbolic"],
        )
    ]
)

"""Conan 2's recipe. It packages the sources that it lies in: conan create scripts/packaging/conan"""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class ImleConan(ConanFile):
    name = "imle"
    description = "Gradients through black-box combinatorial solvers by implicit maximum likelihood"
    license = "MIT"
    topics = ("machine-learning", "combinatorial-optimization", "automatic-differentiation", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    @property
    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._root, "include", "imle", "core", "version.hpp"))
        self.version = ".".join(re.findall(r"#define IMLE_VERSION_\w+ (\d+)", header))

    def export_sources(self):
        copy(self, "LICENSE", self._root, self.export_sources_folder)
        copy(self, "include/*", self._root, self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        # Headers include headers, so whoever includes imle's must find Eigen's.
        self.requires("eigen/[>=3.4.0 <6]", transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "imle")
        self.cpp_info.set_property("cmake_target_name", "imle::imle")
        self.cpp_info.set_property("pkg_config_name", "imle")
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        if self.settings.get_safe("os") in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]

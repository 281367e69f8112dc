from spack_repo.builtin.build_systems.cmake import CMakePackage

from spack.package import *


class Imle(CMakePackage):
    """Gradients through black-box combinatorial solvers by implicit maximum likelihood: C++20 headers."""

    # Whoever hosts the sources writes their address here. Until then `spack dev-build` takes them from a folder.
    homepage = "https://imle.invalid"
    git = "https://imle.invalid/imle.git"

    license("MIT")

    version("main", branch="main")
    version("0.1.0", tag="v0.1.0")

    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    # For CMake's search, and for the headers of whoever includes imle's.
    depends_on("eigen@3.4:", type=("build", "link"))

    conflicts("%gcc@:10", msg="imle needs C++20")
    conflicts("%clang@:13", msg="imle needs C++20")

    def cmake_args(self):
        return [
            self.define("IMLE_BUILD_TESTS", False),
            self.define("IMLE_BUILD_EXAMPLES", False),
            self.define("IMLE_BUILD_BENCHMARKS", False),
            self.define("IMLE_INSTALL", True),
        ]

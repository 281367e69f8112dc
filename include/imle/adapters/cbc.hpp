#pragma once

/// @file
/// Solvers by CBC, https://github.com/coin-or/Cbc (Debian: coinor-libcbc-dev; pkg-config: cbc, osi-clp). Not
/// part of `imle.hpp`: include it where you use it, and link CBC. See docs/adapters/cbc.md.

#include <imle/adapters/cbc/integer_program.hpp>
#include <imle/adapters/cbc/program.hpp>
#include <imle/adapters/cbc/travelling_salesman_program.hpp>

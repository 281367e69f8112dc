# Installs the library from BUILD, then moves the installed tree to PREFIX: an absolute path written into a
# package file would no longer be right.

file(REMOVE_RECURSE "${PREFIX}" "${PREFIX}.before")
execute_process(
    COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}.before"
    COMMAND_ERROR_IS_FATAL ANY
)
file(RENAME "${PREFIX}.before" "${PREFIX}")

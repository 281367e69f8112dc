# Compiles SOURCE by one command, with the folders INCLUDE (separated by |) or with what PKG_CONFIG says of
# the copy in PREFIX, and runs it.

separate_arguments(flags UNIX_COMMAND "${FLAGS}")
if(PKG_CONFIG)
    file(GLOB_RECURSE pc_file "${PREFIX}/*/imle.pc")
    cmake_path(GET pc_file PARENT_PATH pc_folder)
    # Beside the system's own folders, where Eigen's file is.
    set(ENV{PKG_CONFIG_PATH} "${pc_folder}")
    execute_process(
        COMMAND "${PKG_CONFIG}" --cflags --libs imle
        OUTPUT_VARIABLE from_pkg_config
        OUTPUT_STRIP_TRAILING_WHITESPACE
        COMMAND_ERROR_IS_FATAL ANY
    )
    separate_arguments(from_pkg_config UNIX_COMMAND "${from_pkg_config}")
    list(APPEND flags ${from_pkg_config})
else()
    string(REPLACE "|" ";" INCLUDE "${INCLUDE}")
    foreach(folder IN LISTS INCLUDE)
        list(APPEND flags -I "${folder}")
    endforeach()
    list(APPEND flags -pthread)
endif()

execute_process(
    COMMAND "${COMPILER}" -std=c++20 "${SOURCE}" ${flags} -o "${PROGRAM}"
    COMMAND_ECHO STDOUT
    COMMAND_ERROR_IS_FATAL ANY
)
execute_process(COMMAND "${PROGRAM}" COMMAND_ERROR_IS_FATAL ANY)

# Runs the compiler's command line that follows `--`: passes if the compiler refuses and says what EXPECT
# matches.

set(command)
set(after_dashes OFF)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
    if(after_dashes)
        list(APPEND command "${CMAKE_ARGV${i}}")
    elseif(CMAKE_ARGV${i} STREQUAL "--")
        set(after_dashes ON)
    endif()
endforeach()

execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(result EQUAL 0)
    message(FATAL_ERROR "This was to be refused, and it compiled.")
elseif(NOT result EQUAL 1)
    message(FATAL_ERROR "The compiler did not refuse but break (${result}):\n${said}")
elseif(NOT said MATCHES "${EXPECT}")
    message(FATAL_ERROR "Refused, but without the text '${EXPECT}':\n${said}")
endif()

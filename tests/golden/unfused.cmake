# Checks that no function of PROGRAM, which is made of the library and its tests alone, multiplies and adds in one
# rounding: what a compiler may fuse in one build and not in another has other bits there. OBJDUMP shows the code.
# Eigen's own functions are left out, of which none computes a result.

execute_process(
    COMMAND "${OBJDUMP}" -d --no-show-raw-insn "${PROGRAM}"
    OUTPUT_VARIABLE code
    COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX MATCHALL "(\n[0-9a-f]+ <[^\n]*>:|\tv?fn?m(add|sub|la|ls)[^\n]*)" found "${code}")
set(function "")
set(faults "")
set(functions 0)
foreach(line IN LISTS found)
    if(line MATCHES "<(.*)>:")
        set(function "${CMAKE_MATCH_1}")
        if(function MATCHES "4imle")
            math(EXPR functions "${functions} + 1")
        endif()
    elseif(function MATCHES "4imle|7support" AND NOT function MATCHES "^_ZNK?5Eigen")
        list(APPEND faults "${function}")
    endif()
endforeach()
if(functions EQUAL 0)
    message(FATAL_ERROR "No function of the library in ${PROGRAM}")
endif()
list(LENGTH faults count)
list(REMOVE_DUPLICATES faults)
message("${functions} functions, ${count} fused operations")
if(count GREATER 0)
    list(JOIN faults "\n" listed)
    message(FATAL_ERROR "A product and a sum are fused in\n${listed}\nSee docs/reproducibility.md.")
endif()

# Checks that each of the library's symbols that OBJECT defines lies in the inline namespace NAMESPACE; or, if
# OTHER is given, that none of them is defined by OTHER too. Names are looked at as they are mangled:
# `imle::isa_sse2::gumbel` holds `4imle8isa_sse26gumbel`.

cmake_policy(SET CMP0057 NEW) # IN_LIST

# read_symbols(OBJECT RESULT): the names of the library's symbols that OBJECT defines.
function(read_symbols object result)
    execute_process(
        COMMAND "${NM}" --defined-only --format=posix "${object}"
        OUTPUT_VARIABLE symbols
        COMMAND_ERROR_IS_FATAL ANY
    )
    string(REGEX MATCHALL "[^ \n]*4imle[^ \n]*" ours "${symbols}")
    set(${result} ${ours} PARENT_SCOPE)
endfunction()

read_symbols("${OBJECT}" ours)
list(LENGTH ours total)
if(DEFINED OTHER)
    read_symbols("${OTHER}" others)
    list(LENGTH others total_of_others)
    set(strangers)
    foreach(name IN LISTS ours)
        if(name IN_LIST others)
            list(APPEND strangers "${name}")
        endif()
    endforeach()
    set(fault "Symbols of one name in both")
    if(total_of_others EQUAL 0)
        message(FATAL_ERROR "No symbol of the library in ${OTHER}")
    endif()
else()
    set(strangers ${ours})
    string(LENGTH "${NAMESPACE}" length)
    list(FILTER strangers EXCLUDE REGEX "4imle${length}${NAMESPACE}")
    set(fault "Symbols outside of ${NAMESPACE}")
endif()
list(LENGTH strangers count)
message("${total} symbols of the library, ${count} strangers")
if(total EQUAL 0 OR count GREATER 0)
    list(JOIN strangers "\n" listed)
    message(FATAL_ERROR "${fault}:\n${listed}")
endif()

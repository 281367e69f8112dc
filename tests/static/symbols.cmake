# Checks that each of the library's symbols that OBJECT defines lies in the inline namespace NAMESPACE. Names
# are looked at as they are mangled: `imle::isa_sse2::gumbel` holds `4imle8isa_sse26gumbel`.

execute_process(
    COMMAND "${NM}" --defined-only "${OBJECT}"
    OUTPUT_VARIABLE symbols
    COMMAND_ERROR_IS_FATAL ANY
)
string(LENGTH "${NAMESPACE}" length)
string(REGEX MATCHALL "[^\n]*4imle[^\n]*" ours "${symbols}")
list(LENGTH ours total)
list(FILTER ours EXCLUDE REGEX "4imle${length}${NAMESPACE}")
list(LENGTH ours strangers)
message("${total} symbols of the library, ${strangers} outside of ${NAMESPACE}")
if(total EQUAL 0 OR strangers GREATER 0)
    list(JOIN ours "\n" listed)
    message(FATAL_ERROR "Symbols that do not name the instruction set:\n${listed}")
endif()

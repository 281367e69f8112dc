# The target imle_stan, where Stan Math's headers are: in IMLE_STAN_INCLUDE_DIR, in a common place, or where
# scripts/stan_headers.sh has unpacked them. For this project's tests; users need no more than what
# docs/adapters/stan.md says.
if(NOT TARGET imle_stan)
    find_path(IMLE_STAN_INCLUDE_DIR stan/math/rev/core.hpp
        HINTS "${PROJECT_SOURCE_DIR}/build/stan_headers/usr/lib/R/site-library/StanHeaders/include"
        PATHS /usr/lib/R/site-library/StanHeaders/include
        DOC "The folder that has stan/math/rev/core.hpp")
    find_path(imle_stan_boost boost/math/tools/promotion.hpp)
    mark_as_advanced(imle_stan_boost)
    if(IMLE_STAN_INCLUDE_DIR AND imle_stan_boost)
        add_library(imle_stan INTERFACE IMPORTED)
        target_include_directories(imle_stan SYSTEM INTERFACE "${IMLE_STAN_INCLUDE_DIR}" "${imle_stan_boost}")
        if(EXISTS "${IMLE_STAN_INCLUDE_DIR}/stan/math/rev/core/reverse_pass_callback.hpp")
            # Stan Math 4: a tape for each thread must be asked for, and TBB is linked. The second definition is
            # for a TBB without tbb_stddef.h, which versions before 4.8 look for.
            find_package(TBB QUIET)
            if(TARGET TBB::tbb)
                target_compile_definitions(imle_stan INTERFACE STAN_THREADS TBB_INTERFACE_NEW)
                target_link_libraries(imle_stan INTERFACE TBB::tbb)
            else()
                set(imle_stan_lacks "TBB (libtbb-dev)")
            endif()
        endif()
    endif()
endif()

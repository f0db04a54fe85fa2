# Language level, warnings, hardening and link mode, on one interface target that all of ours use.

include(CheckSourceCompiles)
include(CheckSourceRuns)

# checkpg_is_fortified(LANGUAGE RESULT): whether _FORTIFY_SOURCE is defined without our doing when
# the compiler optimises.
function(checkpg_is_fortified language result)
  set(CMAKE_REQUIRED_FLAGS -O2)
  set(CMAKE_REQUIRED_QUIET ON)
  check_source_compiles(${language} "
    #ifndef _FORTIFY_SOURCE
    #error not fortified
    #endif
    int main(void) { return 0; }" ${result})
endfunction()

# checkpg_packs_relocations(RESULT): whether relative relocations can be packed, in a static-pie, too,
# which relocates itself: binutils 2.38 and glibc 2.36 can. It takes half a megabyte from the file, and
# from what a start has to read.
function(checkpg_packs_relocations result)
  set(CMAKE_REQUIRED_FLAGS -fPIE)
  set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie -Wl,-z,pack-relative-relocs)
  set(CMAKE_REQUIRED_QUIET ON)
  check_source_runs(C "
    static int there;
    static int *volatile const where[] = {&there, &there};
    int main(void) { return where[1] != &there; }" ${result})
endfunction()

add_library(checkpg_options INTERFACE)
target_compile_features(checkpg_options INTERFACE cxx_std_20)
target_compile_options(checkpg_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
# The cheap preconditions of the standard library (indices, empty optionals): a mistake ends the
# check, which is never a yes. 0.4 % more instructions.
target_compile_definitions(checkpg_options INTERFACE _GLIBCXX_ASSERTIONS)

if(CHECKPG_FUZZ)
  # no-link: the library is instrumented, and only the fuzz targets get libFuzzer's main().
  set(sanitizers -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_compile_options(checkpg_options INTERFACE ${sanitizers})
  target_link_options(checkpg_options INTERFACE ${sanitizers})
elseif(CHECKPG_SANITIZE)
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_compile_options(checkpg_options INTERFACE ${sanitizers})
  target_link_options(checkpg_options INTERFACE ${sanitizers})
else()
  # A check reads bytes from servers nobody vouches for: the usual hardening, whatever the build type.
  target_compile_options(checkpg_options INTERFACE -fstack-protector-strong)
  # Where the flags given to us (a distribution's) or the compiler itself (Ubuntu's) have a level
  # already, that one counts: a second definition would be an error.
  foreach(language IN ITEMS C CXX)
    checkpg_is_fortified(${language} CHECKPG_${language}_IS_FORTIFIED)
    if(NOT CHECKPG_${language}_IS_FORTIFIED)
      target_compile_definitions(checkpg_options INTERFACE
        $<$<AND:$<COMPILE_LANGUAGE:${language}>,$<NOT:$<CONFIG:Debug>>>:_FORTIFY_SOURCE=$<IF:$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,12>>,2,3>>)
    endif()
  endforeach()
endif()
if(CHECKPG_COVERAGE)
  target_compile_options(checkpg_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(checkpg_options INTERFACE --coverage)
  target_sources(checkpg_options INTERFACE ${PROJECT_SOURCE_DIR}/tests/coverage.c)
endif()
target_link_options(checkpg_options INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack)

if(CHECKPG_STATIC)
  # static-pie, not plain static: in a non-PIE static executable the first C++ throw sorts every
  # unwind entry (tens of millions of instructions), and the addresses would not be randomised.
  target_compile_options(checkpg_options INTERFACE -fPIE -ffunction-sections -fdata-sections)
  # What ships is stripped; the benchmark's profile needs the names.
  set(keeps_symbols $<BOOL:$<TARGET_PROPERTY:CHECKPG_KEEPS_SYMBOLS>>)
  target_link_options(checkpg_options INTERFACE
    -static-pie -Wl,--gc-sections $<$<AND:$<CONFIG:Release>,$<NOT:${keeps_symbols}>>:-s>)
  checkpg_packs_relocations(CHECKPG_PACKS_RELOCATIONS)
  if(CHECKPG_PACKS_RELOCATIONS)
    target_link_options(checkpg_options INTERFACE -Wl,-z,pack-relative-relocs)
  endif()
else()
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()

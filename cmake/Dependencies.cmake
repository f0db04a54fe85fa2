# Every library checkpg links, found or refused with the name of the package to install.

function(checkpg_missing what debian redhat)
  message(FATAL_ERROR "${what} was not found: install ${debian} (Debian) or ${redhat} (Red Hat family)")
endfunction()

find_package(PkgConfig)
if(NOT PkgConfig_FOUND)
  checkpg_missing("pkg-config" "pkg-config" "pkgconf-pkg-config")
endif()

find_package(Threads REQUIRED)

find_package(CLI11 2.1 CONFIG QUIET)
if(NOT CLI11_FOUND)
  checkpg_missing("CLI11 2.1 or newer" "libcli11-dev" "cli11-devel")
endif()

find_package(fmt 8 CONFIG QUIET)
if(NOT fmt_FOUND)
  checkpg_missing("fmt 8 or newer" "libfmt-dev" "fmt-devel")
endif()

find_package(nlohmann_json 3.9 CONFIG QUIET)
if(NOT nlohmann_json_FOUND)
  checkpg_missing("nlohmann-json 3.9 or newer" "nlohmann-json3-dev" "json-devel")
endif()

set(OPENSSL_USE_STATIC_LIBS ${CHECKPG_STATIC})
if(CHECKPG_STATIC)
  # A libcrypto.a with compression needs more archives, which FindOpenSSL would only miss obscurely.
  pkg_check_modules(LIBCRYPTO QUIET libcrypto)
  foreach(library z zstd)
    if(library IN_LIST LIBCRYPTO_STATIC_LIBRARIES)
      find_library(CHECKPG_LIB${library}_A NAMES lib${library}.a)
      if(NOT CHECKPG_LIB${library}_A)
        checkpg_missing("lib${library}.a" "zlib1g-dev and libzstd-dev" "zlib-static and libzstd-static")
      endif()
    endif()
  endforeach()
endif()
find_package(OpenSSL 1.1.1 QUIET)
if(NOT OPENSSL_FOUND)
  if(CHECKPG_STATIC)
    checkpg_missing("libssl.a or libcrypto.a" "libssl-dev" "openssl-devel and a static OpenSSL")
  endif()
  checkpg_missing("OpenSSL 1.1.1 or newer" "libssl-dev" "openssl-devel")
endif()

set(oldest_libpq 14)
if(CHECKPG_STATIC)
  set(oldest_libpq 15) # src/libpq/scram_salted_password.c has the interfaces since then
endif()
pkg_check_modules(LIBPQ QUIET libpq>=${oldest_libpq})
if(NOT LIBPQ_FOUND)
  checkpg_missing("libpq ${oldest_libpq} or newer" "libpq-dev" "libpq-devel")
endif()

add_library(checkpg_libpq INTERFACE)
add_library(checkpg::libpq ALIAS checkpg_libpq)
target_include_directories(checkpg_libpq SYSTEM INTERFACE ${LIBPQ_INCLUDE_DIRS})

if(CHECKPG_STATIC)
  # What `pkg-config --static --libs libpq` names, each as an archive; of PostgreSQL's two common
  # ones the _shlib variants, which have what libpq calls under its own names in every release.
  # GSSAPI and LDAP exist only as shared libraries: src/libpq/without_kerberos_and_ldap.c
  # stands in for them.
  # All of one release: their internal interfaces differ, and the linker wouldn't notice.
  string(REGEX MATCH "^[0-9]+" libpq_major "${LIBPQ_VERSION}")
  foreach(archive pq pgcommon_shlib pgport_shlib)
    find_library(CHECKPG_LIB${archive}_A NAMES lib${archive}.a
      HINTS ${LIBPQ_LIBRARY_DIRS} ${LIBPQ_LIBDIR} /usr/lib/postgresql/${libpq_major}/lib)
    if(NOT CHECKPG_LIB${archive}_A)
      if(archive STREQUAL "pq")
        checkpg_missing("lib${archive}.a" "libpq-dev" "a static libpq")
      endif()
      checkpg_missing("lib${archive}.a" "postgresql-server-dev-${libpq_major}" "postgresql-static")
    endif()
  endforeach()
  target_link_libraries(checkpg_libpq INTERFACE
    ${CHECKPG_LIBpq_A} ${CHECKPG_LIBpgcommon_shlib_A} ${CHECKPG_LIBpgport_shlib_A}
    OpenSSL::SSL OpenSSL::Crypto Threads::Threads m)
else()
  pkg_check_modules(LIBPQ_SHARED QUIET IMPORTED_TARGET libpq)
  target_link_libraries(checkpg_libpq INTERFACE
    PkgConfig::LIBPQ_SHARED OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
endif()

if(BUILD_TESTING)
  find_package(Catch2 3 CONFIG QUIET)
  if(NOT Catch2_FOUND)
    checkpg_missing("Catch2 3" "catch2 (from bookworm-backports on Debian 12)" "catch2-devel")
  endif()
endif()

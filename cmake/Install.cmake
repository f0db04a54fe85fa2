# Everything that is installed but the executables, which tools/ adds.

install(FILES docs/checkpgprimary.1 docs/checkpgstandby.1 docs/checkpgroutes.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/checkpg.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)

# Shells look for the completion of a command by its name: two of bash's files are links to the third.
set(completions packaging/completions)
install(FILES ${completions}/bash/checkpgprimary ${completions}/bash/checkpgstandby ${completions}/bash/checkpgroutes
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completions}/zsh/_checkpg DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

include(cmake/InstallDocuments.cmake)
file(RELATIVE_PATH licence ${CMAKE_INSTALL_FULL_DOCDIR} ${CMAKE_INSTALL_FULL_DATADIR}/licenses/checkpg/checkpg)
checkpg_install_documents(${CMAKE_INSTALL_DOCDIR}
  README.md CHANGELOG.md docs/architecture.svg docs/fips.md docs/monitoring.md docs/performance.md docs/reference.md
  docs/replacing-pgroute66.md docs/selinux.md docs/split-brain.md docs/stolon.md docs/examples/checkpg.conf
  docs/examples/create-role.sql docs/examples/grafana-dashboard.json docs/examples/haproxy.cfg docs/examples/keepalived.conf
  docs/examples/prometheus-rules.yml
  docs/examples/compare-checks=compare-checks LICENSE=${licence})
install(PROGRAMS docs/examples/compare-checks DESTINATION ${CMAKE_INSTALL_DOCDIR})

# With the prefix /usr this is /etc, and else below the prefix.
install(FILES docs/examples/checkpg.conf DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/checkpg)

# The licence, and those of what the executables contain, as the system has them.
set(licences ${CMAKE_INSTALL_DATADIR}/licenses/checkpg)
install(FILES LICENSE DESTINATION ${licences} RENAME checkpg)

function(checkpg_install_licence library debian redhat)
  if(IS_DIRECTORY /usr/share/licenses/${redhat})
    install(DIRECTORY /usr/share/licenses/${redhat}/ DESTINATION ${licences}/${library})
  else()
    install(FILES /usr/share/doc/${debian}/copyright DESTINATION ${licences} RENAME ${library})
  endif()
endfunction()

# Compiled in, whatever is linked.
checkpg_install_licence(fmt libfmt-dev fmt)
checkpg_install_licence(cli11 libcli11-dev cli11-devel)
checkpg_install_licence(nlohmann-json nlohmann-json3-dev json-devel)
if(CHECKPG_STATIC)
  string(REGEX MATCH "^[0-9]+" gcc_major "${CMAKE_CXX_COMPILER_VERSION}")
  checkpg_install_licence(libpq libpq-dev libpq)
  checkpg_install_licence(openssl libssl-dev openssl-libs)
  checkpg_install_licence(glibc libc6-dev glibc)
  checkpg_install_licence(libstdc++ libstdc++-${gcc_major}-dev libstdc++)
  if(CHECKPG_LIBz_A)
    checkpg_install_licence(zlib zlib1g-dev zlib)
  endif()
  if(CHECKPG_LIBzstd_A)
    checkpg_install_licence(libzstd libzstd-dev libzstd)
  endif()
  # Debian's copyright files refer to these.
  if(IS_DIRECTORY /usr/share/common-licenses)
    install(FILES /usr/share/common-licenses/Apache-2.0 /usr/share/common-licenses/GPL-3
      /usr/share/common-licenses/LGPL-2.1 DESTINATION ${licences})
  endif()
endif()

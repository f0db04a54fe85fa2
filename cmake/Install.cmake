# Everything that is installed but the executables, which tools/ adds.

install(FILES docs/checkpgprimary.1 docs/checkpgstandby.1 docs/checkpgroutes.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES docs/checkpg.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 OPTIONAL)

install(FILES README.md docs/split-brain.md docs/replacing-pgroute66.md
  docs/examples/create-role.sql docs/examples/haproxy.cfg docs/examples/keepalived.conf
  DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

# With the prefix /usr this is /etc, and else below the prefix.
install(FILES docs/examples/checkpg.conf DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/checkpg)

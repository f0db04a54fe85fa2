"""Real PostgreSQL and HAProxy, thrown away afterwards: for the integration tests and tests/demo.

    postgres      a throw-away PostgreSQL server, primary or standby
    haproxy       a throw-away HAProxy with both backends over given servers
    checks        where the executables are, and how to run one as HAProxy or as a person does
    certificates  a certification authority and the certificates it signs
    hostile       tiny servers that do what real ones won't do on demand
    keepers       kept connections: the processes that hold them, and their sockets
    scratch       the run's files and processes, and that none of them outlives it
    ports         free TCP ports
    processes     what /proc says about processes
    waiting       waiting for a condition, never for a length of time

Only Python's standard library is used. Nothing that ran on the machine before is touched.
"""

/*
 * Stand-ins for the OAuth flow that a static libpq 18 refers to (src/interfaces/libpq-oauth of
 * PostgreSQL), which speaks HTTP by libcurl: a check never asks a person to open a web page. A
 * server that demands OAuth of a client without oauth_issuer is refused by libpq itself; where it
 * is set, the first function fails, and the check ends with "access denied".
 */
#include <libpq-fe.h>

/* Of libpq's own (fe-misc.c): adds a line to the connection's error message. */
void libpq_append_conn_error(PGconn* connection, const char* format, ...);

PostgresPollingStatusType pg_fe_run_oauth_flow(PGconn* connection);
PostgresPollingStatusType pg_fe_run_oauth_flow(PGconn* connection) {
    libpq_append_conn_error(connection, "OAuth is not supported by this build");
    return PGRES_POLLING_FAILED;
}

void pg_fe_cleanup_oauth_flow(PGconn* connection);
void pg_fe_cleanup_oauth_flow(PGconn* connection) { (void)connection; }

-- The role that checkpgprimary and checkpgstandby log in with. Run it once, on the primary, with psql
-- as a superuser; it asks for the password twice. The role may log in and read statistics, nothing
-- else: what a primary's check asks, PostgreSQL tells everybody.
CREATE ROLE checkpg LOGIN;
\password checkpg

-- To see in which state a standby's WAL receiver is, and what its replay waits for: without it
-- require-streaming is satisfied by a WAL receiver that is there, and under max-replay-delay a
-- transaction that has written and pauses can make healthy standbys of a quiet cluster too old for
-- up to 15 seconds. And for `checkpgroutes --ask`: how many connections there are, and the timeline
-- that a standby receives. Leave it out where no limit is set on standbys and nobody asks for these.
GRANT pg_read_all_stats TO checkpg;

-- PostgreSQL 16 and newer: the check gets in when all ordinary connections are used up, and a busy
-- primary stays in service. It takes connections that are reserved, on every server, at its next
-- start; there are none by default:
-- ALTER SYSTEM SET reserved_connections = 5;
SELECT :SERVER_VERSION_NUM >= 160000 AS has_reserved_connections \gset
\if :has_reserved_connections
    GRANT pg_use_reserved_connections TO checkpg;
\endif
-- Up to PostgreSQL 15: replacing-pgroute66.md, "Connections used up".

-- And in pg_hba.conf of every server, for both routers:
-- hostssl  postgres  checkpg  192.0.2.0/24  scram-sha-256

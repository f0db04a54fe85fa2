#!/bin/bash
# Is this server's name in what PgRoute66 lists as standbys? As a pattern, and within another's, too.
PATH=/usr/bin:/bin # HAProxy gives none
IFS=- read -r group _ <<<"$HAPROXY_PROXY_NAME"
curl --silent "http://127.0.0.1:8080/v1/standbys?group=$group" | grep --quiet "$HAPROXY_SERVER_NAME"

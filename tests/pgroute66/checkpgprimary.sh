#!/bin/bash
# Does PgRoute66 name this server, and no other, as the primary of the group that its backend is called after?
PATH=/usr/bin:/bin # HAProxy gives none
IFS=- read -r group _ <<<"$HAPROXY_PROXY_NAME"
[[ $(curl --silent "http://127.0.0.1:8080/v1/primary?group=$group") == "\"$HAPROXY_SERVER_NAME\"" ]]

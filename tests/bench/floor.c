/*
 * The least a check can be: the bytes checkpgprimary sends to a server that trusts it, written to
 * a socket by hand. Whatever a real check costs beyond this is its own doing.
 *
 *   floor ADDRESS PORT        exit code 0 for a primary, 1 for a standby, 2 for anything else
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Manual, section 55.7: SSLRequest, StartupMessage, Query, Terminate. */
static const char ssl_request[] = "\0\0\0\x08\x04\xd2\x16\x2f";
static const char startup[] = "\0\0\0\x48\0\x03\0\0"
                              "user\0checkpg\0database\0postgres\0"
                              "application_name\0checkpgprimary\0";
static const char query[] = "Q\0\0\0\x2aSELECT pg_catalog.pg_is_in_recovery()";
static const char terminate[] = "X\0\0\0\x04";

static char answer[4096];
static size_t answered;

static void write_all(int server, const char* bytes, size_t size) {
    if (write(server, bytes, size) != (ssize_t)size)
        _exit(2);
}

/* Reads messages up to ReadyForQuery and returns the value of a DataRow's only column. */
static char read_until_ready(int server) {
    char value = 0;
    size_t begin = 0;
    answered = 0;
    for (;;) {
        while (answered - begin >= 5) {
            unsigned length;
            memcpy(&length, answer + begin + 1, sizeof length);
            length = ntohl(length) + 1;
            if (answered - begin < length)
                break;
            if (answer[begin] == 'D')
                value = answer[begin + 11];
            if (answer[begin] == 'E')
                _exit(2);
            if (answer[begin] == 'Z')
                return value;
            begin += length;
        }
        ssize_t got = read(server, answer + answered, sizeof answer - answered);
        if (got <= 0)
            _exit(2);
        answered += (size_t)got;
    }
}

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((unsigned short)atoi(argv[2]));
    int server = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 ||
        setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        connect(server, (struct sockaddr*)&address, sizeof address) != 0)
        return 2;
    write_all(server, ssl_request, sizeof ssl_request - 1);
    if (read(server, answer, 1) != 1 || answer[0] != 'N')
        return 2;
    write_all(server, startup, sizeof startup);
    read_until_ready(server);
    write_all(server, query, sizeof query);
    char value = read_until_ready(server);
    write_all(server, terminate, sizeof terminate - 1);
    close(server);
    return value == 'f' ? 0 : value == 't' ? 1 : 2;
}

/*
 * Stand-ins for the GSSAPI and LDAP functions that Debian's libpq.a refers to. Both exist only as
 * shared libraries, so a static executable can't have them, and a check uses neither:
 *
 * - GSSAPI: gssencmode is `disable`, and a server that demands GSSAPI authentication gets the
 *   message below and the check ends with "access denied". Failing in gss_import_name(), the
 *   first call, also spares us the DNS look-up that a real Kerberos library would do there.
 * - LDAP is asked only for a connection service file, which checks don't use.
 *
 * The prototypes are simplified to what the C calling convention needs: libpq's callers were
 * compiled against the real headers. A function that would be reached only behind one that fails
 * first ends the process rather than pretend to work.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t length;
    void* value;
} Buffer; /* gss_buffer_desc, RFC 2744 section 3.2 */

#define FAILURE ((uint32_t)13 << 16) /* GSS_S_FAILURE, RFC 2744 section 3.9.1 */

#define NEVER_REACHED(function)                                                                    \
    void function(void);                                                                           \
    void function(void) { abort(); }

extern void* const GSS_C_NT_HOSTBASED_SERVICE;
void* const GSS_C_NT_HOSTBASED_SERVICE = NULL;

uint32_t gss_import_name(uint32_t* minor, const Buffer* text, void* type, void** name);
uint32_t gss_import_name(uint32_t* minor, const Buffer* text, void* type, void** name) {
    (void)text;
    (void)type;
    *minor = 0;
    *name = NULL;
    return FAILURE;
}

uint32_t gss_display_status(uint32_t* minor, uint32_t value, int type, void* mechanism,
                            uint32_t* context, Buffer* text);
uint32_t gss_display_status(uint32_t* minor, uint32_t value, int type, void* mechanism,
                            uint32_t* context, Buffer* text) {
    static char message[] = "GSSAPI is not supported by this program";
    (void)value;
    (void)type;
    (void)mechanism;
    *minor = 0;
    *context = 0;
    text->value = message;
    text->length = strlen(message);
    return 0;
}

/* libpq looks for credentials when gssencmode is not `disable`: there are none. */
uint32_t gss_acquire_cred(uint32_t* minor);
uint32_t gss_acquire_cred(uint32_t* minor) {
    *minor = 0;
    return FAILURE;
}

/* The texts released are the static one above. */
uint32_t gss_release_buffer(uint32_t* minor, Buffer* text);
uint32_t gss_release_buffer(uint32_t* minor, Buffer* text) {
    *minor = 0;
    text->value = NULL;
    text->length = 0;
    return 0;
}

NEVER_REACHED(gss_delete_sec_context)
NEVER_REACHED(gss_init_sec_context)
NEVER_REACHED(gss_release_cred)
NEVER_REACHED(gss_release_name)
NEVER_REACHED(gss_unwrap)
NEVER_REACHED(gss_wrap)
NEVER_REACHED(gss_wrap_size_limit)

/* ldap_init() is the first call of a look-up: without a handle libpq gives up. */
void* ldap_init(const char* host, int port);
void* ldap_init(const char* host, int port) {
    (void)host;
    (void)port;
    return NULL;
}

NEVER_REACHED(ldap_err2string)
NEVER_REACHED(ldap_count_entries)
NEVER_REACHED(ldap_first_entry)
NEVER_REACHED(ldap_get_values_len)
NEVER_REACHED(ldap_msgfree)
NEVER_REACHED(ldap_result)
NEVER_REACHED(ldap_search_st)
NEVER_REACHED(ldap_set_option)
NEVER_REACHED(ldap_simple_bind)
NEVER_REACHED(ldap_unbind)
NEVER_REACHED(ldap_value_free_len)

#include "library.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/migrations.h"
#include "base/limits.h"
#include "base/text.h"
#include "file.h"
#include "ingest/subject_type.h"
#include "stand_in.h"

#define EXECUTOR_THREADS 2
#define EXECUTOR_QUEUE_MAX 1000
#define MASTER_KEY_BYTES 32
#define VARIABLE_NAME_BYTES_MAX (SECRET_NAME_BYTES_MAX + 32)

const struct content_file *library_find_playbook(struct library *library, struct str name)
{
    AUTO(arena) struct arena arena = { 0 };
    for (size_t i = library->content.count; i-- > 0;) {
        const struct content_file *file = &library->content.files[i];
        if (file->kind != CONTENT_PLAYBOOK)
            continue;
        if (str_equal(playbook_text_name(&arena, file->text), name))
            return file;
        arena_reset(&arena);
    }
    return NULL;
}

/* ---- a store in memory for connections and secrets ---- */

static FALLIBLE open_access(struct library *library, struct err_info *why)
{
    static const struct store_migration *const migrations[] = { store_migrations, access_migrations, NULL };
    AUTO(buf) struct buf key = { 0 };
    unsigned char bytes[MASTER_KEY_BYTES];
    struct store_options store = {
        .url = STR(":memory:"), .clock = clock_system(), .migrations = migrations, .is_inline = true
    };
    TRY(store_open(&store, &library->store, why));
    rand_fill(rand_system(), bytes, sizeof bytes);
    base64_add(&key, (struct str){ (const char *)bytes, sizeof bytes });
    TRY(buf_check(&key, why));
    struct vault_options vault = {
        .store = library->store, .rand = rand_system(), .key_text = buf_str(&key)
    };
    TRY(vault_open(&vault, &library->vault, why));
    return connections_open(library->store, rand_system(), &library->connections, why);
}

/* One connection of the file, with everything that its commit needs. */
struct configuring {
    struct library *library;
    struct connection_spec spec;
    struct str secret; /* name of the secret to store; empty: the connection itself */
    struct str content;
};

static enum err configure(void *context, struct store_conn *conn, struct err_info *why)
{
    const struct configuring *own = context;
    struct principal by = principal_system(TENANT_DEFAULT);
    struct connection_made made;
    if (own->secret.size > 0)
        return secret_set(own->library->vault, conn, &by, own->secret, own->content, why);
    return connection_put(own->library->connections, conn, &by, &own->spec, &made, why);
}

/* TOCSIN_SECRET_ABUSE_KEY for "abuse-key". */
static FALLIBLE take_secret(struct library *library, struct str name, struct err_info *why)
{
    char variable[VARIABLE_NAME_BYTES_MAX] = "TOCSIN_SECRET_";
    size_t at = strlen(variable);
    for (size_t i = 0; i < name.size && at + 1 < sizeof variable; i++)
        variable[at++] = isalnum((unsigned char)name.data[i]) ? (char)toupper((unsigned char)name.data[i])
                                                              : '_';
    variable[at] = '\0';
    const char *content = getenv(variable);
    if (content == NULL || content[0] == '\0')
        return err_set(why, ERR_NOT_FOUND, "the secret \"%.*s\" is not in the environment: set %s",
            STR_ARG(name), variable);
    struct configuring own = { .library = library, .secret = name, .content = str_of(content) };
    return store_write_wait(library->store, configure, &own, why);
}

static FALLIBLE take_secrets(struct library *library, struct value settings, struct err_info *why)
{
    if (settings.type != VALUE_MAP)
        return ERR_OK;
    const struct value_entry *entries = value_map_entries(settings);
    for (uint32_t i = 0; i < settings.size; i++) {
        struct str name;
        if (connection_secret_reference(entries[i].value, &name))
            TRY(take_secret(library, name, why));
    }
    return ERR_OK;
}

static FALLIBLE take_connection(
    struct library *library, struct str name, struct value v, struct err_info *why)
{
    struct value connector = value_get(v, STR("connector")), is_default = value_get(v, STR("default"));
    struct str *fields;
    struct configuring own = { .library = library,
        .spec = { .name = name, .settings = value_get(v, STR("settings")), .is_enabled = true } };
    if (connector.type != VALUE_STRING)
        return err_set(why, ERR_INVALID, "the connection needs `connector`, its connector's name");
    own.spec.connector = value_str(connector);
    own.spec.is_default = is_default.type == VALUE_BOOL && is_default.boolean;
    TRY(connect_check_settings(library->connect, own.spec.connector, own.spec.settings, &library->arena,
        &fields, &own.spec.secret_field_count, why));
    own.spec.secret_fields = fields;
    TRY(take_secrets(library, own.spec.settings, why));
    return store_write_wait(library->store, configure, &own, why);
}

static FALLIBLE read_connections(struct library *library, const char *path, struct err_info *why)
{
    struct value v;
    struct err_info inner = { 0 };
    TRY(file_read_yaml(path, &library->arena, &v, why));
    if (v.type != VALUE_MAP)
        return err_set(why, ERR_INVALID, "%s: connections by their names are expected", path);
    for (uint32_t i = 0; i < v.size; i++) {
        struct str name = value_str(value_map_entries(v)[i].key);
        enum err result = take_connection(library, name, value_map_entries(v)[i].value, &inner);
        if (result != ERR_OK)
            return err_set(why, result, "%s: %.*s: %s", path, STR_ARG(name), inner.text);
    }
    return ERR_OK;
}

/* ---- all of it ---- */

static FALLIBLE open_connect(
    struct library *library, const struct library_options *given, struct err_info *why)
{
    struct str *rules = ARENA_ARRAY(&library->arena, given->egress_allow_count + 1, struct str);
    if (rules == NULL)
        return err_memory(why);
    for (size_t i = 0; i < given->egress_allow_count; i++)
        rules[i] = str_of(given->egress_allow[i]);
    executor_inline_init(&library->inline_executor);
    library->executor = &library->inline_executor;
    if (!given->is_virtual)
        TRY(executor_new(EXECUTOR_THREADS, EXECUTOR_QUEUE_MAX, &library->executor, why));
    TRY(egress_new(&library->arena, rules, given->egress_allow_count, &library->egress, why));
    struct connect_options options = { .clock = clock_system(),
        .rand = rand_system(),
        .log = given->log,
        .vault = library->vault,
        .connections = library->connections,
        .executor = library->executor,
        .make_client = given->is_virtual ? make_deaf_client : NULL,
        .http = { .egress = library->egress,
            .user_agent = STR("tocsin/" TOCSIN_VERSION),
            .connections_max = 64,
            .connections_per_host_max = 16 } };
    return connect_new(&options, &library->connect, why);
}

static FALLIBLE load_sources(struct library *library, struct diagnostics *found, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct source_file *files;
    size_t count;
    TRY(content_source_files(&library->content, &arena, &files, &count, why));
    return sources_read(files, count, found, &library->sources, why);
}

static FALLIBLE open_parts(const struct library_options *options, struct diagnostics *found,
    struct library *library, struct err_info *why)
{
    TRY(content_read(&library->arena, options->folders, options->folder_count, &library->content, why));
    TRY(subject_type_alert(&library->arena, &library->alert_type, why));
    TRY(open_access(library, why));
    TRY(open_connect(library, options, why));
    enum err connectors = content_load_connectors(&library->content, library->connect, found, why);
    if (connectors != ERR_OK && connectors != ERR_INVALID)
        return connectors;
    TRY(load_sources(library, found, why)); /* its faults are told in the same go */
    TRY(connectors);
    return options->connections_file ? read_connections(library, options->connections_file, why) : ERR_OK;
}

enum err library_open(const struct library_options *options, struct diagnostics *found, struct library *ret,
    struct err_info *why)
{
    *ret = (struct library){ 0 };
    enum err result = open_parts(options, found, ret, why);
    if (result != ERR_OK)
        library_close(ret);
    return result;
}

void library_close(struct library *library)
{
    sources_free(library->sources);
    connect_free(library->connect);
    if (library->executor != NULL)
        library->executor->ops->free(library->executor);
    if (library->connections != NULL)
        connections_close(library->connections);
    if (library->vault != NULL)
        vault_close(library->vault);
    if (library->store != NULL)
        store_close(library->store);
    arena_done(&library->arena);
    *library = (struct library){ 0 };
}

void library_cleanup(struct library *library)
{
    library_close(library);
}

#include <sys/stat.h>

#include "access/connection.h"
#include "access/secret.h"
#include "access/setup.h"
#include "access_helpers.h"
#include "base/json.h"
#include "refusals.h"

/* All that access does, one after another, with what each needs in between. */
struct life {
    struct access_fixture access;
    struct tokens *tokens;
    struct connections *connections;
    struct setup_text setup;
    struct token_made made;
    struct buf *result;
};

static void begin_life(void *context)
{
    struct life *life = context;
    struct store_options options = { .migrations = access_lists, .is_inline = true };
    *life = (struct life){ 0 };
    test_folder_make(&life->access.folder);
    clock_manual_init(&life->access.clock, (struct instant){ 1700000000 * US_PER_S });
    rand_seeded_init(&life->access.rand, 7);
    life->access.admin = principal_system(TENANT_DEFAULT);
    options.clock = &life->access.clock.clock;
    life->access.store = test_store_open(&life->access.folder, NULL, options);
}

static void close_access(struct life *life)
{
    vault_close(life->access.vault);
    tokens_close(life->tokens);
    connections_close(life->connections);
    life->access.vault = NULL;
    life->tokens = NULL;
    life->connections = NULL;
}

/* The store first: what its thread still does may need the others. */
static void end_life(void *context)
{
    struct life *life = context;
    store_close(life->access.store);
    close_access(life);
    arena_done(&life->access.arena);
    test_folder_remove(&life->access.folder);
}

static FALLIBLE open_access(struct life *life, struct err_info *why)
{
    struct access_fixture *access = &life->access;
    struct vault_options vault = { .store = access->store,
        .rand = &access->rand.rand,
        .key_file = str_of(test_path(&access->folder, "master.key")) };
    TRY(vault_open(&vault, &access->vault, why));
    struct tokens_options tokens = { access->store, access->vault, &access->rand.rand, &access->clock.clock };
    TRY(tokens_open(&tokens, &life->tokens, why));
    return connections_open(access->store, &access->rand.rand, &life->connections, why);
}

static FALLIBLE finish_setup(void *context, struct store_conn *conn, struct err_info *why)
{
    struct life *life = context;
    struct token_text token;
    TRY(setup_check(conn, str_of(life->setup.text), why));
    return setup_finish(conn, life->tokens, str_of(life->setup.text), STR("me"), &token, why);
}

static FALLIBLE make_token(void *context, struct store_conn *conn, struct err_info *why)
{
    struct life *life = context;
    struct token_spec spec = { .name = STR("collector"), .expires = INSTANT_NEVER };
    TRY(scopes_parse(&spec.scopes, STR("ingest:wazuh alerts:read"), why));
    return token_create(life->tokens, conn, &life->access.admin, &spec, &life->made, why);
}

static FALLIBLE end_token(void *context, struct store_conn *conn, struct err_info *why)
{
    struct life *life = context;
    TRY(tokens_store_uses(life->tokens, conn, why));
    return token_revoke(life->tokens, conn, &life->access.admin, life->made.id, why);
}

static FALLIBLE use_tokens(struct life *life, struct err_info *why)
{
    char header[80];
    struct principal principal;
    struct token_info one, *list;
    size_t count;
    TRY(store_write_wait(life->access.store, make_token, life, why));
    snprintf(header, sizeof(header), "Bearer %s", life->made.text.text);
    TRY(token_authenticate_header(life->tokens, str_of(header), &principal, why));
    TRY(token_list(life->tokens, TENANT_DEFAULT, &life->access.arena, &list, &count, why));
    TRY(token_get(life->tokens, TENANT_DEFAULT, life->made.id, &life->access.arena, &one, why));
    buf_printf(life->result, "%s %zu %.*s ", principal.name, count, STR_ARG(one.name));
    return store_write_wait(life->access.store, end_token, life, why);
}

static FALLIBLE set_secrets(void *context, struct store_conn *conn, struct err_info *why)
{
    struct life *life = context;
    struct vault *vault = life->access.vault;
    TRY(secret_set(vault, conn, &life->access.admin, STR("a"), STR("alpha-0123456789"), why));
    TRY(secret_set(vault, conn, &life->access.admin, STR("b"), STR("beta"), why));
    return secret_set(vault, conn, &life->access.admin, STR("a"), STR("gamma"), why);
}

static FALLIBLE delete_secret(void *context, struct store_conn *conn, struct err_info *why)
{
    struct life *life = context;
    return secret_delete(life->access.vault, conn, &life->access.admin, STR("b"), why);
}

static FALLIBLE use_secrets(struct life *life, struct err_info *why)
{
    AUTO(secret) struct secret opened = { 0 };
    AUTO(secret) struct secret unsealed = { 0 };
    AUTO(secret) struct secret copied = { 0 };
    struct vault *vault = life->access.vault;
    struct secret_info *list;
    struct value sealed;
    size_t count;
    TRY(store_write_wait(life->access.store, set_secrets, life, why));
    TRY(store_write_wait(life->access.store, delete_secret, life, why));
    TRY(secret_open(vault, TENANT_DEFAULT, STR("a"), &opened, why));
    TRY(secret_list(vault, TENANT_DEFAULT, &life->access.arena, &list, &count, why));
    TRY(secret_init(&copied, STR("copied"), why));
    TRY(secret_seal(vault, TENANT_DEFAULT, STR("output"), &life->access.arena, &sealed, why));
    TRY(secret_unseal(vault, TENANT_DEFAULT, sealed, &unsealed, why));
    buf_printf(
        life->result, "%.*s %zu %.*s ", STR_ARG(secret_str(&opened)), count, STR_ARG(secret_str(&unsealed)));
    return ERR_OK;
}

static FALLIBLE put_connections(void *context, struct store_conn *conn, struct err_info *why)
{
    struct life *life = context;
    static const struct str secret_fields[] = { STR_INIT("auth.key") };
    struct connection_made made;
    struct connection_spec spec = { .name = STR("jira"),
        .connector = STR("jira"),
        .origin = STR("https://jira.example.org"),
        .is_default = true,
        .is_enabled = true,
        .secret_fields = secret_fields,
        .secret_field_count = 1 };
    TRY(json_parse(&life->access.arena, STR("{\"auth\":{\"key\":\"${secret:a}\"},\"tags\":[\"x\"]}"), NULL,
        &spec.settings, why));
    TRY(connection_put(life->connections, conn, &life->access.admin, &spec, &made, why));
    spec.name = STR("second");
    TRY(connection_put(life->connections, conn, &life->access.admin, &spec, &made, why));
    TRY(connection_put(life->connections, conn, &life->access.admin, &spec, &made, why));
    return connection_delete(life->connections, conn, &life->access.admin, STR("jira"), why);
}

static FALLIBLE use_connections(struct life *life, struct err_info *why)
{
    TRY(store_write_wait(life->access.store, put_connections, life, why));
    AUTO(connection_snapshot) struct connection_snapshot *snapshot = connections_get(life->connections);
    const struct connection *found = connection_find_default(snapshot, TENANT_DEFAULT, STR("jira"));
    buf_printf(
        life->result, "%zu %.*s ", connection_count(snapshot), STR_ARG(found ? found->name : STR("?")));
    return ERR_OK;
}

static FALLIBLE add_line(void *context, struct str json, struct err_info *why)
{
    struct life *life = context;
    buf_add_uint(life->result, json.size > 0);
    return buf_check(life->result, why);
}

static FALLIBLE use_audit(void *context, struct store_conn *conn, struct err_info *why)
{
    struct life *life = context;
    struct audit_filter filter = { .action = STR("secret.*") };
    struct audit_page page;
    struct audit_check check;
    struct audit_hash hash;
    uint64_t seq;
    TRY(audit_list(conn, TENANT_DEFAULT, &filter, &life->access.arena, &page, why));
    TRY(audit_anchor(conn, life->access.vault, TENANT_DEFAULT, &seq, &hash, why));
    TRY(audit_verify_anchor(conn, TENANT_DEFAULT, seq, &hash, &check, why));
    TRY(audit_verify(conn, life->access.vault, TENANT_DEFAULT, &check, why));
    TRY(audit_export(conn, TENANT_DEFAULT, 1, add_line, life, why));
    buf_printf(life->result, " %zu %d %llu", page.count, check.is_good, (unsigned long long)check.rows);
    return ERR_OK;
}

/* With a second opening, which reads what the first wrote. */
static enum err live(void *context, struct buf *result, struct err_info *why)
{
    struct life *life = context;
    life->result = result;
    TRY(open_access(life, why));
    TRY(setup_begin(life->access.store, life->tokens, &life->setup, why));
    TRY(store_write_wait(life->access.store, finish_setup, life, why));
    TRY(use_tokens(life, why));
    TRY(use_secrets(life, why));
    TRY(use_connections(life, why));
    struct str file = str_of(test_path(&life->access.folder, "admin.token"));
    TRY(setup_bootstrap_file(life->access.store, life->tokens, file, why));
    (void)chmod(file.data, 0644); /* it is there unless it was refused, and then this is not reached */
    TRY(setup_bootstrap_file(life->access.store, life->tokens, file, why));
    file = str_of(test_path(&life->access.folder, "collector.token"));
    TRY(setup_collector_file(life->access.store, life->tokens, file, why));
    TRY(store_write_wait(life->access.store, use_audit, life, why));
    close_access(life);
    TRY(open_access(life, why));
    return buf_check(result, why);
}

static void access_gives_up_in_order_when_memory_is_refused(void **state)
{
    (void)state;
    struct life life;
    struct refusals_trial trial = { "access", live, begin_life, end_life, &life };
    assert_int_equal(refusals_of(FAULT_MEMORY, &trial), 0);
}

static void access_gives_up_in_order_when_a_statement_fails(void **state)
{
    (void)state;
    struct life life;
    struct refusals_trial trial = { "access", live, begin_life, end_life, &life };
    assert_int_equal(refusals_of(FAULT_STORE, &trial), 0);
}

/* A file that cannot be read, written or made durable. */
static void access_gives_up_in_order_when_a_file_fails(void **state)
{
    (void)state;
    struct life life;
    struct refusals_trial trial = { "access", live, begin_life, end_life, &life };
    assert_int_equal(refusals_of(FAULT_SYSTEM, &trial), 0);
}

static void access_undisturbed_does_it_all(void **state)
{
    (void)state;
    struct life life;
    AUTO(buf) struct buf result = { 0 };
    begin_life(&life);
    test_check(live(&life, &result, &life.access.why), &life.access.why);
    assert_string_equal(result.data, "collector 2 collector gamma 1 output 1 second 1111111111111 4 1 13");
    end_life(&life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access_undisturbed_does_it_all),
        cmocka_unit_test(access_gives_up_in_order_when_memory_is_refused),
        cmocka_unit_test(access_gives_up_in_order_when_a_statement_fails),
        cmocka_unit_test(access_gives_up_in_order_when_a_file_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

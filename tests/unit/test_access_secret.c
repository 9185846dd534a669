#include <pthread.h>
#include <sys/stat.h>

#include "access/secret.h"
#include "access/vault_impl.h"
#include "access_helpers.h"
#include "base/limits.h"

struct set {
    struct access_fixture *fixture;
    struct str name, content;
    int64_t tenant;
    bool fails_after;
};

static enum err set_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct set *set = context;
    struct principal by = principal_system(set->tenant);
    TRY(secret_set(set->fixture->vault, conn, &by, set->name, set->content, why));
    return set->fails_after ? err_set(why, ERR_CANCELLED, "told to fail") : ERR_OK;
}

static enum err delete_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct set *set = context;
    struct principal by = principal_system(set->tenant);
    return secret_delete(set->fixture->vault, conn, &by, set->name, why);
}

static enum err put_secret(struct access_fixture *fixture, const char *name, const char *content)
{
    struct set set = { fixture, str_of(name), str_of(content), 1, false };
    return access_write(fixture, set_work, &set);
}

static void assert_secret(struct access_fixture *fixture, const char *name, const char *content)
{
    AUTO(secret) struct secret secret = { 0 };
    test_check(secret_open(fixture->vault, 1, str_of(name), &secret, &fixture->why), &fixture->why);
    assert_true(secret_equal(&secret, str_of(content)));
    assert_int_equal(secret.bytes[secret.size], 0);
}

static void secret_opens_as_it_was_set(void **state)
{
    struct access_fixture *fixture = *state;
    assert_int_equal(put_secret(fixture, "abuseipdb", "k-0123456789abcdef"), ERR_OK);
    assert_secret(fixture, "abuseipdb", "k-0123456789abcdef");
    assert_int_equal(put_secret(fixture, "abuseipdb", "another"), ERR_OK);
    assert_secret(fixture, "abuseipdb", "another");
    assert_true(secret_exists(fixture->vault, 1, STR("abuseipdb")));
    assert_int_equal(verify(fixture).rows, 2);
}

static void secret_survives_a_restart(void **state)
{
    struct access_fixture *fixture = *state;
    assert_int_equal(put_secret(fixture, "b", "beta"), ERR_OK);
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    access_close(fixture);
    access_open(fixture, "store.db", true);
    assert_secret(fixture, "a", "alpha");
    assert_secret(fixture, "b", "beta");
}

static void missing_secret_is_told_with_the_mend(void **state)
{
    struct access_fixture *fixture = *state;
    struct secret secret = { 0 };
    struct set set = { fixture, STR("nope"), { 0 }, 1, false };
    assert_int_equal(secret_open(fixture->vault, 1, STR("nope"), &secret, &fixture->why), ERR_NOT_FOUND);
    assert_non_null(strstr(fixture->why.text, "tocsin secret set nope"));
    assert_null(secret.bytes);
    assert_int_equal(access_write(fixture, delete_work, &set), ERR_NOT_FOUND);
}

static void deleted_secret_is_gone(void **state)
{
    struct access_fixture *fixture = *state;
    struct set set = { fixture, STR("a"), { 0 }, 1, false };
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    assert_int_equal(access_write(fixture, delete_work, &set), ERR_OK);
    assert_false(secret_exists(fixture->vault, 1, STR("a")));
}

/* As when another process shares the store. */
static void a_secret_that_is_not_known_here_can_be_deleted(void **state)
{
    struct access_fixture *fixture = *state;
    struct set set = { fixture, STR("b"), { 0 }, 1, false };
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    tamper(fixture,
        "INSERT INTO access_secrets SELECT tenant, 'b', sealed, last_four, created, updated FROM "
        "access_secrets");
    assert_int_equal(access_write(fixture, delete_work, &set), ERR_OK);
    assert_int_equal(access_write(fixture, delete_work, &set), ERR_NOT_FOUND);
    assert_secret(fixture, "a", "alpha");
}

static void damaged_keys_are_no_keys(void **state)
{
    struct access_fixture *fixture = *state;
    char path[160];
    snprintf(path, sizeof(path), "%s", test_path(&fixture->folder, "master.key"));
    tamper(fixture, "UPDATE access_keys SET sealed = x'0102'");
    struct vault_options options = {
        .store = fixture->store, .rand = &fixture->rand.rand, .key_text = STR(""), .key_file = str_of(path)
    };
    vault_close(fixture->vault);
    fixture->vault = NULL;
    assert_int_equal(vault_open(&options, &fixture->vault, &fixture->why), ERR_DENIED);
    assert_string_equal(fixture->why.name, "master_key");
    assert_null(fixture->vault);
}

static void undone_change_changes_nothing(void **state)
{
    struct access_fixture *fixture = *state;
    struct set set = { fixture, STR("a"), STR("changed"), 1, true };
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    assert_int_equal(access_write(fixture, set_work, &set), ERR_CANCELLED);
    assert_secret(fixture, "a", "alpha");
}

static void secret_belongs_to_its_tenant(void **state)
{
    struct access_fixture *fixture = *state;
    struct secret secret = { 0 };
    struct secret_info *list = NULL;
    size_t count = 0;
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    assert_int_equal(secret_open(fixture->vault, 2, STR("a"), &secret, &fixture->why), ERR_NOT_FOUND);
    assert_int_equal(secret_list(fixture->vault, 2, &fixture->arena, &list, &count, &fixture->why), ERR_OK);
    assert_int_equal(count, 0);
}

/* One key that leaks opens one secret. */
static void each_secret_has_a_data_key_of_its_own(void **state)
{
    struct access_fixture *fixture = *state;
    uint8_t keys[2][VAULT_KEY_BYTES];
    assert_int_equal(put_secret(fixture, "a", "the same"), ERR_OK);
    assert_int_equal(put_secret(fixture, "b", "the same"), ERR_OK);
    const struct vault_secret *secret = fixture->vault->secrets;
    for (int i = 0; i < 2; i++, secret = secret->next) {
        struct vault_binding binding = { "secret-key", 1, secret->name };
        struct str sealed = str_slice(secret->sealed, 1, 1 + VAULT_KEY_BYTES + VAULT_SEAL_BYTES);
        assert_true(vault_unseal(fixture->vault->keys->master, &binding, sealed, keys[i]));
    }
    assert_memory_not_equal(keys[0], keys[1], VAULT_KEY_BYTES);
}

static void list_tells_names_and_never_contents(void **state)
{
    struct access_fixture *fixture = *state;
    struct secret_info *list = NULL;
    size_t count = 0;
    assert_int_equal(put_secret(fixture, "long", "0123456789abWXYZ"), ERR_OK);
    clock_manual_advance(&fixture->clock, US_PER_DAY);
    assert_int_equal(put_secret(fixture, "brief", "12345678"), ERR_OK);
    assert_int_equal(put_secret(fixture, "long", "0123456789abSTUV"), ERR_OK);
    assert_int_equal(secret_list(fixture->vault, 1, &fixture->arena, &list, &count, &fixture->why), ERR_OK);
    assert_int_equal(count, 2);
    assert_true(str_equal(list[0].name, STR("brief")));
    assert_string_equal(list[0].last_four, "");
    assert_true(str_equal(list[1].name, STR("long")));
    assert_string_equal(list[1].last_four, "STUV");
    assert_int_equal(list[1].updated.us - list[1].created.us, US_PER_DAY);
}

static void secrets_of_tenants_stand_beside_each_other(void **state)
{
    struct access_fixture *fixture = *state;
    struct set second = { fixture, STR("m"), STR("two"), 2, false };
    struct set nameless = { fixture, STR(".x"), { 0 }, 1, false };
    struct secret_info *list = NULL;
    size_t count = 0;
    AUTO(secret) struct secret empty = { 0 };
    assert_int_equal(access_write(fixture, set_work, &second), ERR_OK);
    assert_int_equal(put_secret(fixture, "z", "one"), ERR_OK);
    assert_int_equal(put_secret(fixture, "a", "one"), ERR_OK);
    assert_int_equal(secret_list(fixture->vault, 1, &fixture->arena, &list, &count, &fixture->why), ERR_OK);
    assert_int_equal(count, 2);
    assert_true(str_equal(list[0].name, STR("a")) && str_equal(list[1].name, STR("z")));
    assert_int_equal(access_write(fixture, delete_work, &nameless), ERR_INVALID);
    test_check(secret_init(&empty, STR(""), &fixture->why), &fixture->why);
    assert_true(secret_equal(&empty, STR("")));
}

static void bad_names_and_sizes_are_told(void **state)
{
    struct access_fixture *fixture = *state;
    static const char *const names[] = { "", ".a", "-a", "a b", "a/b", "a}", "\xc3\xa4" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(put_secret(fixture, names[i], "x"), ERR_INVALID);
        assert_string_equal(fixture->why.name, "secret_name");
    }
    char *large = malloc(SECRET_BYTES_MAX + 2);
    memset(large, 'x', SECRET_BYTES_MAX + 1);
    large[SECRET_BYTES_MAX + 1] = '\0';
    assert_int_equal(put_secret(fixture, "large", large), ERR_LIMIT);
    large[SECRET_BYTES_MAX] = '\0';
    assert_int_equal(put_secret(fixture, "large", large), ERR_OK);
    assert_secret(fixture, "large", large);
    assert_int_equal(put_secret(fixture, "empty", ""), ERR_INVALID);
    free(large);
}

/* A row put under another name or tenant, or changed, does not open. */
static void sealed_rows_open_in_their_place_only(void **state)
{
    struct access_fixture *fixture = *state;
    static const char *const changes[] = {
        "UPDATE access_secrets SET name = 'moved' WHERE name = 'a'",
        "UPDATE access_secrets SET name = 'a', tenant = 2 WHERE name = 'moved'",
        "UPDATE access_secrets SET tenant = 1, sealed = CAST(substr(sealed, 1, 120) || x'00' || "
        "substr(sealed, 122)"
        " AS BLOB) WHERE tenant = 2",
        "UPDATE access_secrets SET sealed = CAST(x'7f' || substr(sealed, 2) AS BLOB)",
        "UPDATE access_secrets SET sealed = x'0102'",
    };
    static const struct {
        int64_t tenant;
        const char *name;
    } places[] = { { 1, "moved" }, { 2, "a" }, { 1, "a" }, { 1, "a" }, { 1, "a" } };
    assert_int_equal(put_secret(fixture, "a", "alpha, which is long enough to be changed inside"), ERR_OK);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct secret secret = { 0 };
        tamper(fixture, changes[i]);
        access_close(fixture);
        access_open(fixture, "store.db", true);
        assert_int_equal(
            secret_open(fixture->vault, places[i].tenant, str_of(places[i].name), &secret, &fixture->why),
            ERR_INVALID);
        assert_string_equal(fixture->why.name, "secret_damaged");
    }
}

/* ---- the master key ---- */

static enum err reopen_vault(struct access_fixture *fixture, const char *key_text, const char *key_file)
{
    struct vault_options options = {
        .store = fixture->store,
        .rand = &fixture->rand.rand,
        .key_text = str_of(key_text),
        .key_file = str_of(key_file),
    };
    vault_close(fixture->vault);
    fixture->vault = NULL;
    fixture->why = (struct err_info){ 0 };
    return vault_open(&options, &fixture->vault, &fixture->why);
}

static void write_text(const char *path, const char *text, mode_t mode)
{
    unlink(path);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void master_key_is_made_once_for_its_owner_only(void **state)
{
    struct access_fixture *fixture = *state;
    struct stat status;
    const char *path = test_path(&fixture->folder, "master.key");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, 45);
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    assert_int_equal(reopen_vault(fixture, "", path), ERR_OK);
    assert_secret(fixture, "a", "alpha");
}

static void wrong_master_key_is_refused_with_the_mend(void **state)
{
    struct access_fixture *fixture = *state;
    char path[160];
    snprintf(path, sizeof(path), "%s", test_path(&fixture->folder, "master.key"));
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    assert_int_equal(reopen_vault(fixture, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ""), ERR_DENIED);
    assert_string_equal(fixture->why.name, "master_key");
    assert_non_null(strstr(fixture->why.text, "master.key"));
    write_text(path, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0600);
    assert_int_equal(reopen_vault(fixture, "", path), ERR_DENIED);
    unlink(path);
    assert_int_equal(reopen_vault(fixture, "", path), ERR_DENIED);
    assert_non_null(strstr(fixture->why.text, "missing"));
    struct stat status;
    assert_int_equal(stat(path, &status), -1); /* a new one would only hide the loss */
    assert_int_equal(reopen_vault(fixture, "", ""), ERR_DENIED);
}

static void master_key_may_come_as_text(void **state)
{
    struct access_fixture *fixture = *state;
    char text[64];
    FILE *file = fopen(test_path(&fixture->folder, "master.key"), "r");
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    assert_int_equal(reopen_vault(fixture, text, ""), ERR_OK);
    assert_secret(fixture, "a", "alpha");
    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
    assert_int_equal(reopen_vault(fixture, text, ""), ERR_OK);
    assert_secret(fixture, "a", "alpha");
}

static void bad_key_files_are_told(void **state)
{
    struct access_fixture *fixture = *state;
    char path[160], good[64];
    snprintf(path, sizeof(path), "%s", test_path(&fixture->folder, "master.key"));
    FILE *file = fopen(path, "r");
    assert_non_null(fgets(good, sizeof(good), file));
    fclose(file);
    static const char *const texts[] = { "", "hello", "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_text(path, texts[i], 0600);
        assert_int_equal(reopen_vault(fixture, "", path), ERR_INVALID);
        assert_string_equal(fixture->why.name, "master_key");
    }
    write_text(path, good, 0644);
    assert_int_equal(reopen_vault(fixture, "", path), ERR_INVALID);
    assert_non_null(strstr(fixture->why.text, "chmod 600"));
    assert_int_equal(reopen_vault(fixture, "", fixture->folder.path), ERR_INVALID);
}

/* ---- sealed outputs ---- */

static void sealed_output_opens_for_its_tenant_only(void **state)
{
    struct access_fixture *fixture = *state;
    struct value sealed = value_null();
    struct secret secret = { 0 };
    struct str content = STR("{\"token\":\"s3cr3t-session\"}");
    test_check(
        secret_seal(fixture->vault, 1, content, &fixture->arena, &sealed, &fixture->why), &fixture->why);
    assert_true(value_is(sealed, VALUE_SECRET));
    assert_false(str_contains(value_str(sealed), STR("s3cr3t")));
    test_check(secret_unseal(fixture->vault, 1, sealed, &secret, &fixture->why), &fixture->why);
    assert_true(str_equal(secret_str(&secret), content));
    secret_wipe(&secret);
    assert_int_equal(secret_unseal(fixture->vault, 2, sealed, &secret, &fixture->why), ERR_INVALID);
    char *bytes = arena_bytes(&fixture->arena, sealed.size);
    for (uint32_t i = 0; i < sealed.size; i++) {
        memcpy(bytes, sealed.bytes, sealed.size);
        bytes[i] ^= 1;
        struct value changed = sealed;
        changed.bytes = bytes;
        assert_int_equal(secret_unseal(fixture->vault, 1, changed, &secret, &fixture->why), ERR_INVALID);
    }
    for (uint32_t size = 0; size < sealed.size; size++) {
        struct value cut = sealed;
        cut.size = size;
        assert_int_equal(secret_unseal(fixture->vault, 1, cut, &secret, &fixture->why), ERR_INVALID);
    }
    assert_int_equal(
        secret_unseal(fixture->vault, 1, value_string(content), &secret, &fixture->why), ERR_INVALID);
}

static void empty_output_can_be_sealed(void **state)
{
    struct access_fixture *fixture = *state;
    struct value sealed = value_null();
    AUTO(secret) struct secret secret = { 0 };
    test_check(
        secret_seal(fixture->vault, 1, STR(""), &fixture->arena, &sealed, &fixture->why), &fixture->why);
    test_check(secret_unseal(fixture->vault, 1, sealed, &secret, &fixture->why), &fixture->why);
    assert_int_equal(secret.size, 0);
}

/* ---- struct secret ---- */

static void secrets_compare_by_content(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    AUTO(secret) struct secret secret = { 0 };
    test_check(secret_init(&secret, STR("correct horse"), &why), &why);
    assert_true(secret_equal(&secret, STR("correct horse")));
    assert_false(secret_equal(&secret, STR("correct horsf")));
    assert_false(secret_equal(&secret, STR("dorrect horse")));
    assert_false(secret_equal(&secret, STR("correct")));
    assert_false(secret_equal(&secret, STR("")));
    secret_wipe(&secret);
    assert_null(secret.bytes);
    assert_true(secret_equal(&secret, STR("")));
    secret_wipe(&secret); /* twice is fine */
}

/* ---- threads ---- */

static void *open_main(void *context)
{
    struct access_fixture *fixture = context;
    for (int i = 0; i < 500; i++) {
        AUTO(secret) struct secret secret = { 0 };
        struct err_info why = { 0 };
        if (secret_open(fixture->vault, 1, STR("a"), &secret, &why) != ERR_OK)
            return context;
    }
    return NULL;
}

static void secrets_open_while_they_change(void **state)
{
    struct access_fixture *fixture = *state;
    pthread_t threads[2];
    assert_int_equal(put_secret(fixture, "a", "alpha"), ERR_OK);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, open_main, fixture);
    for (int i = 0; i < 40; i++)
        assert_int_equal(put_secret(fixture, i % 2 ? "a" : "b", "changed"), ERR_OK);
    for (int i = 0; i < 2; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, access_setup, access_teardown)
#define ON_FILE(test) cmocka_unit_test_setup_teardown(test, access_setup_file, access_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(secret_opens_as_it_was_set),
        ON_FILE(secret_survives_a_restart),
        IN_MEMORY(missing_secret_is_told_with_the_mend),
        IN_MEMORY(deleted_secret_is_gone),
        IN_MEMORY(undone_change_changes_nothing),
        IN_MEMORY(a_secret_that_is_not_known_here_can_be_deleted),
        ON_FILE(damaged_keys_are_no_keys),
        IN_MEMORY(secret_belongs_to_its_tenant),
        IN_MEMORY(each_secret_has_a_data_key_of_its_own),
        IN_MEMORY(list_tells_names_and_never_contents),
        IN_MEMORY(secrets_of_tenants_stand_beside_each_other),
        IN_MEMORY(bad_names_and_sizes_are_told),
        ON_FILE(sealed_rows_open_in_their_place_only),
        ON_FILE(master_key_is_made_once_for_its_owner_only),
        ON_FILE(wrong_master_key_is_refused_with_the_mend),
        ON_FILE(master_key_may_come_as_text),
        ON_FILE(bad_key_files_are_told),
        IN_MEMORY(sealed_output_opens_for_its_tenant_only),
        IN_MEMORY(empty_output_can_be_sealed),
        cmocka_unit_test(secrets_compare_by_content),
        cmocka_unit_test_setup_teardown(
            secrets_open_while_they_change, access_setup_threads, access_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

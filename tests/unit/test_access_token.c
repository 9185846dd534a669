#include <pthread.h>
#include <sys/stat.h>

#include "access/setup.h"
#include "access/token.h"
#include "access_helpers.h"

struct fixture {
    struct access_fixture access; /* first: the helpers cast */
    struct tokens *tokens;
};

static struct tokens *tokens_open_here(struct access_fixture *access)
{
    struct tokens *tokens = NULL;
    struct tokens_options options = { access->store, access->vault, &access->rand.rand,
        &access->clock.clock };
    test_check(tokens_open(&options, &tokens, &access->why), &access->why);
    return tokens;
}

static int setup_at(void **state, const char *name, bool is_inline)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    access_init(&fixture->access, name, is_inline);
    fixture->tokens = tokens_open_here(&fixture->access);
    *state = fixture;
    return 0;
}

static int setup_memory(void **state)
{
    return setup_at(state, NULL, true);
}
static int setup_file(void **state)
{
    return setup_at(state, "store.db", true);
}
static int setup_threads(void **state)
{
    return setup_at(state, "store.db", false);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct tokens *tokens = fixture->tokens;
    access_close(&fixture->access);
    tokens_close(tokens);
    return access_teardown(state);
}

struct create {
    struct fixture *fixture;
    const struct principal *by;
    const char *name, *scopes;
    struct instant expires;
    struct token_made made;
    bool fails_after;
};

static enum err create_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct create *create = context;
    struct token_spec spec = { .name = str_of(create->name), .expires = create->expires };
    TRY(scopes_parse(&spec.scopes, str_of(create->scopes), why));
    TRY(token_create(create->fixture->tokens, conn, create->by, &spec, &create->made, why));
    return create->fails_after ? err_set(why, ERR_CANCELLED, "told to fail") : ERR_OK;
}

static struct create new_token(struct fixture *fixture, const char *name, const char *scopes)
{
    return (
        struct create){ fixture, &fixture->access.admin, name, scopes, INSTANT_NEVER, .fails_after = false };
}

static struct create created_token(struct fixture *fixture, const char *name, const char *scopes)
{
    struct create create = new_token(fixture, name, scopes);
    test_check(access_write(&fixture->access, create_work, &create), &fixture->access.why);
    return create;
}

static enum err revoke_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct create *create = context;
    return token_revoke(create->fixture->tokens, conn, create->by, create->made.id, why);
}

static enum err authenticate(struct fixture *fixture, const char *text, struct principal *ret)
{
    fixture->access.why = (struct err_info){ 0 };
    return token_authenticate(fixture->tokens, str_of(text), ret, &fixture->access.why);
}

static void token_lets_in_until_it_is_revoked(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal = { 0 };
    struct create token = created_token(fixture, "wazuh manager", "ingest:wazuh alerts:read");
    assert_int_equal(strlen(token.made.text.text), 47);
    assert_memory_equal(token.made.text.text, "toc_", 4);
    assert_int_equal(authenticate(fixture, token.made.text.text, &principal), ERR_OK);
    assert_int_equal(principal.kind, PRINCIPAL_TOKEN);
    assert_int_equal(principal.tenant, TENANT_DEFAULT);
    assert_string_equal(principal.name, "wazuh manager");
    assert_true(id_equal(principal.id, token.made.id));
    assert_true(principal_can_ingest(&principal, STR("wazuh")));
    assert_true(principal_can(&principal, PERMISSION_ALERTS_READ));
    assert_false(principal_can(&principal, PERMISSION_CASES_READ));
    test_check(access_write(&fixture->access, revoke_work, &token), &fixture->access.why);
    assert_int_equal(authenticate(fixture, token.made.text.text, &principal), ERR_DENIED);
    assert_int_equal(access_write(&fixture->access, revoke_work, &token), ERR_NOT_FOUND);
}

/* So many that some share a place in the table of hashes. */
static void each_of_many_tokens_is_revoked_by_itself(void **state)
{
    enum { COUNT = 100 };
    struct fixture *fixture = *state;
    static struct create tokens[COUNT];
    struct principal principal;
    for (int i = 0; i < COUNT; i++)
        tokens[i] = created_token(fixture, "many", "alerts:read");
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(authenticate(fixture, tokens[i].made.text.text, &principal), ERR_OK);
        test_check(access_write(&fixture->access, revoke_work, &tokens[i]), &fixture->access.why);
        assert_int_equal(authenticate(fixture, tokens[i].made.text.text, &principal), ERR_DENIED);
    }
}

/* As when another process shares the store. */
static void a_token_that_is_not_known_here_can_be_revoked(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal;
    struct create known = created_token(fixture, "a", "alerts:read"), other = known;
    tamper(&fixture->access,
        "INSERT INTO access_tokens SELECT tenant, x'00112233445566778899aabbccddeeff', "
        "zeroblob(length(hash)), "
        "name, scopes, created, expires, last_used, revoked, created_by FROM access_tokens");
    memcpy(other.made.id.bytes, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
    test_check(access_write(&fixture->access, revoke_work, &other), &fixture->access.why);
    assert_int_equal(access_write(&fixture->access, revoke_work, &other), ERR_NOT_FOUND);
    assert_int_equal(authenticate(fixture, known.made.text.text, &principal), ERR_OK);
}

static void damaged_row_keeps_tokens_from_opening(void **state)
{
    struct fixture *fixture = *state;
    struct access_fixture *access = &fixture->access;
    struct tokens_options options = { access->store, access->vault, &access->rand.rand,
        &access->clock.clock };
    struct tokens *again = NULL;
    (void)created_token(fixture, "a", "admin");
    tamper(access, "UPDATE access_tokens SET hash = x'00'");
    assert_int_equal(tokens_open(&options, &again, &access->why), ERR_INTERNAL);
    assert_string_equal(access->why.name, "store_corrupt");
    tamper(access, "UPDATE access_tokens SET scopes = 'nonsense:scope'");
    assert_int_equal(tokens_open(&options, &again, &access->why), ERR_INVALID);
    assert_null(again);
}

static void names_of_tokens_hold_no_control_characters(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = { "", "a\nb", "a\177", "\377" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct create create = new_token(fixture, names[i], "admin");
        assert_int_equal(access_write(&fixture->access, create_work, &create), ERR_INVALID);
        assert_string_equal(fixture->access.why.name, "token_name");
    }
}

static void wrong_tokens_are_refused_alike(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal = { 0 };
    struct create token = created_token(fixture, "a", "admin");
    char changed[48];
    strcpy(changed, token.made.text.text);
    changed[20] = changed[20] == 'A' ? 'B' : 'A';
    const char *wrong[] = { "", "toc_", changed, "tok_0123456789012345678901234567890123456789012" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(authenticate(fixture, wrong[i], &principal), ERR_DENIED);
        assert_string_equal(fixture->access.why.name, "token");
        assert_null(strstr(fixture->access.why.text, "toc_0"));
    }
    assert_int_equal(principal.kind, PRINCIPAL_NONE); /* written on success only */
}

static void header_needs_the_bearer_scheme(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal = { 0 };
    struct create token = created_token(fixture, "a", "admin");
    char header[80];
    static const char *const good[][2] = { { "Bearer ", "" }, { "bearer ", "" }, { "BEARER  ", " " } };
    static const char *const bad[][2] = { { "", "" }, { "Basic ", "" }, { "Bearer", "" },
        { "Bearer ", " x" } };
    for (size_t i = 0; i < 3; i++) {
        snprintf(header, sizeof(header), "%s%s%s", good[i][0], token.made.text.text, good[i][1]);
        assert_int_equal(
            token_authenticate_header(fixture->tokens, str_of(header), &principal, NULL), ERR_OK);
    }
    for (size_t i = 0; i < 4; i++) {
        snprintf(header, sizeof(header), "%s%s%s", bad[i][0], token.made.text.text, bad[i][1]);
        assert_int_equal(
            token_authenticate_header(fixture->tokens, str_of(header), &principal, NULL), ERR_DENIED);
    }
    assert_int_equal(token_authenticate_header(fixture->tokens, STR(""), &principal, NULL), ERR_DENIED);
}

static void token_ends_when_it_expires(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal;
    struct create token = new_token(fixture, "short", "alerts:read");
    token.expires = (struct instant){ fixture->access.clock.at.us + US_PER_HOUR };
    test_check(access_write(&fixture->access, create_work, &token), &fixture->access.why);
    clock_manual_advance(&fixture->access.clock, US_PER_HOUR - 1);
    assert_int_equal(authenticate(fixture, token.made.text.text, &principal), ERR_OK);
    clock_manual_advance(&fixture->access.clock, 1);
    assert_int_equal(authenticate(fixture, token.made.text.text, &principal), ERR_DENIED);
    assert_string_equal(fixture->access.why.name, "token_expired");
}

static void undone_creation_makes_no_token(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal;
    struct create token = new_token(fixture, "never", "alerts:read");
    token.fails_after = true;
    assert_int_equal(access_write(&fixture->access, create_work, &token), ERR_CANCELLED);
    assert_int_equal(authenticate(fixture, token.made.text.text, &principal), ERR_DENIED);
    assert_int_equal(verify(&fixture->access).rows, 0);
}

static void nobody_hands_on_more_than_they_have(void **state)
{
    struct fixture *fixture = *state;
    struct principal lead;
    struct create token = created_token(fixture, "lead", "role:lead tokens:write");
    assert_int_equal(authenticate(fixture, token.made.text.text, &lead), ERR_OK);
    struct create more = new_token(fixture, "more", "playbooks:write"),
                  same = new_token(fixture, "same", "cases:read");
    more.by = &lead;
    same.by = &lead;
    assert_int_equal(access_write(&fixture->access, create_work, &more), ERR_DENIED);
    assert_int_equal(access_write(&fixture->access, create_work, &same), ERR_OK);
}

static void bad_specs_are_told(void **state)
{
    struct fixture *fixture = *state;
    char long_name[200];
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[199] = '\0';
    const char *names[] = { "", long_name, "two\nlines", "\xff" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct create token = new_token(fixture, names[i], "alerts:read");
        assert_int_equal(access_write(&fixture->access, create_work, &token), ERR_INVALID);
        assert_string_equal(fixture->access.why.name, "token_name");
    }
    struct create none = new_token(fixture, "none", "");
    assert_int_equal(access_write(&fixture->access, create_work, &none), ERR_INVALID);
    struct create past = new_token(fixture, "past", "alerts:read");
    past.expires = fixture->access.clock.at;
    assert_int_equal(access_write(&fixture->access, create_work, &past), ERR_INVALID);
}

static enum err uses_work(void *context, struct store_conn *conn, struct err_info *why)
{
    return tokens_store_uses(context, conn, why);
}

static void tokens_and_their_uses_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal;
    struct create tokens[200], gone = created_token(fixture, "gone", "admin");
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof(name), "token %d", i);
        tokens[i] = created_token(fixture, name, "ingest:falco cases:read");
    }
    test_check(access_write(&fixture->access, revoke_work, &gone), &fixture->access.why);
    assert_false(tokens_have_uses(fixture->tokens));
    clock_manual_advance(&fixture->access.clock, US_PER_MIN);
    for (int i = 0; i < 150; i++)
        assert_int_equal(authenticate(fixture, tokens[i].made.text.text, &principal), ERR_OK);
    assert_true(tokens_have_uses(fixture->tokens));
    test_check(access_write(&fixture->access, uses_work, fixture->tokens), &fixture->access.why);
    assert_false(tokens_have_uses(fixture->tokens));
    access_close(&fixture->access);
    tokens_close(fixture->tokens);
    access_open(&fixture->access, "store.db", true);
    fixture->tokens = tokens_open_here(&fixture->access);
    struct token_info *list = NULL;
    size_t count = 0;
    test_check(
        token_list(fixture->tokens, 1, &fixture->access.arena, &list, &count, NULL), &fixture->access.why);
    assert_int_equal(count, 200);
    assert_int_equal(token_list(fixture->tokens, 2, &fixture->access.arena, &list, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    struct token_info info;
    assert_int_equal(
        token_get(fixture->tokens, 1, tokens[149].made.id, &fixture->access.arena, &info, NULL), ERR_OK);
    assert_int_equal(info.last_used.us, fixture->access.clock.at.us);
    assert_true(str_equal(info.created_by, STR("system")));
    assert_int_equal(
        token_get(fixture->tokens, 1, tokens[150].made.id, &fixture->access.arena, &info, NULL), ERR_OK);
    assert_int_equal(info.last_used.us, 0);
    assert_int_equal(token_get(fixture->tokens, 2, tokens[150].made.id, &fixture->access.arena, &info, NULL),
        ERR_NOT_FOUND);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(authenticate(fixture, tokens[i].made.text.text, &principal), ERR_OK);
        assert_true(principal_can_ingest(&principal, STR("falco")));
    }
    assert_int_equal(authenticate(fixture, gone.made.text.text, &principal), ERR_DENIED);
}

static enum err count_text_work(void *context, struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open_text(&rows, conn,
        STR("SELECT hex(hash) || name || scopes || created_by FROM access_tokens"), SQL_NO_ARGS, why));
    while (rows_next(&rows))
        assert_null(memmem(rows_bytes(&rows, 0).data, rows_bytes(&rows, 0).size, context, 20));
    return rows_end(&rows, why);
}

static void text_of_a_token_is_not_stored(void **state)
{
    struct fixture *fixture = *state;
    struct create token = created_token(fixture, "a", "admin");
    test_check(
        access_write(&fixture->access, count_text_work, token.made.text.text + 4), &fixture->access.why);
    assert_true(verify(&fixture->access).is_good);
    assert_int_equal(verify(&fixture->access).rows, 1);
}

/* ---- set-up ---- */

struct finish {
    struct tokens *tokens;
    const char *text;
    struct token_text token;
};

static enum err finish_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct finish *finish = context;
    return setup_finish(conn, finish->tokens, str_of(finish->text), STR("admin"), &finish->token, why);
}

static void setup_link_works_once(void **state)
{
    struct fixture *fixture = *state;
    struct access_fixture *access = &fixture->access;
    struct setup_text first, second;
    struct principal principal;
    test_check(setup_begin(access->store, fixture->tokens, &first, &access->why), &access->why);
    test_check(setup_begin(access->store, fixture->tokens, &second, &access->why), &access->why);
    assert_int_equal(strlen(second.text), 43);
    struct finish finish = { fixture->tokens, first.text, { { 0 } } };
    assert_int_equal(access_write(access, finish_work, &finish), ERR_DENIED); /* the later one replaced it */
    finish.text = "";
    assert_int_equal(access_write(access, finish_work, &finish), ERR_DENIED);
    finish.text = second.text;
    assert_int_equal(access_write(access, finish_work, &finish), ERR_OK);
    assert_int_equal(authenticate(fixture, finish.token.text, &principal), ERR_OK);
    assert_true(principal_can(&principal, PERMISSION_ADMIN));
    assert_int_equal(access_write(access, finish_work, &finish), ERR_DENIED);
    assert_string_equal(access->why.name, "setup");
    test_check(setup_begin(access->store, fixture->tokens, &first, &access->why), &access->why);
    assert_string_equal(first.text, "");
}

static void setup_link_expires(void **state)
{
    struct fixture *fixture = *state;
    struct setup_text text;
    test_check(setup_begin(fixture->access.store, fixture->tokens, &text, &fixture->access.why),
        &fixture->access.why);
    clock_manual_advance(&fixture->access.clock, SETUP_SECONDS_MAX * US_PER_S);
    struct finish finish = { fixture->tokens, text.text, { { 0 } } };
    assert_int_equal(access_write(&fixture->access, finish_work, &finish), ERR_DENIED);
}

static void a_damaged_setup_row_lets_nobody_in(void **state)
{
    struct fixture *fixture = *state;
    struct setup_text text;
    test_check(setup_begin(fixture->access.store, fixture->tokens, &text, &fixture->access.why),
        &fixture->access.why);
    tamper(&fixture->access, "UPDATE access_setup SET hash = x'00'");
    struct finish finish = { fixture->tokens, text.text, { { 0 } } };
    assert_int_equal(access_write(&fixture->access, finish_work, &finish), ERR_DENIED);
}

static void read_token(const char *path, char text[64])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, 64, file));
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
}

static enum err bootstrap(struct fixture *fixture, const char *path)
{
    struct access_fixture *access = &fixture->access;
    access->why = (struct err_info){ 0 };
    return setup_bootstrap_file(access->store, fixture->tokens, str_of(path), &access->why);
}

static void bootstrap_file_always_holds_a_good_token(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal;
    struct setup_text link;
    struct stat status;
    char path[160], first[64], second[64];
    snprintf(path, sizeof(path), "%s", test_path(&fixture->access.folder, "token"));
    test_check(bootstrap(fixture, path), &fixture->access.why);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    read_token(path, first);
    assert_int_equal(authenticate(fixture, first, &principal), ERR_OK);
    assert_true(principal_can(&principal, PERMISSION_ADMIN));
    test_check(setup_begin(fixture->access.store, fixture->tokens, &link, &fixture->access.why),
        &fixture->access.why);
    assert_string_equal(link.text, ""); /* no link is open beside it */
    test_check(bootstrap(fixture, path), &fixture->access.why);
    read_token(path, second);
    assert_string_equal(first, second); /* a good one is kept */
    unlink(path);
    test_check(bootstrap(fixture, path), &fixture->access.why);
    read_token(path, second);
    assert_string_not_equal(first, second);
    assert_int_equal(authenticate(fixture, first, &principal), ERR_DENIED);
    assert_int_equal(authenticate(fixture, second, &principal), ERR_OK);
}

static void collectors_token_sends_events_and_leaves_the_link_open(void **state)
{
    struct fixture *fixture = *state;
    struct access_fixture *access = &fixture->access;
    struct setup_text link = { "" };
    struct principal principal;
    char path[512], text[256] = "";
    snprintf(path, sizeof(path), "%s", test_path(&access->folder, "collector"));
    test_check(
        setup_collector_file(access->store, fixture->tokens, str_of(path), &access->why), &access->why);
    test_check(setup_begin(access->store, fixture->tokens, &link, &access->why), &access->why);
    assert_string_not_equal(link.text, "");
    FILE *file = fopen(path, "r");
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    test_check(
        token_authenticate(fixture->tokens, str_trim(str_of(text)), &principal, &access->why), &access->why);
    assert_true(principal_can_ingest(&principal, STR("wazuh")));
    assert_true(principal_can(&principal, PERMISSION_RUNS_READ));
    assert_false(principal_can(&principal, PERMISSION_TOKENS_WRITE));
    assert_false(principal_can(&principal, PERMISSION_TASKS_ANSWER));
    /* A good one is kept, and another start makes no second one. */
    test_check(
        setup_collector_file(access->store, fixture->tokens, str_of(path), &access->why), &access->why);
    test_check(
        token_authenticate(fixture->tokens, str_trim(str_of(text)), &principal, &access->why), &access->why);
}

static void bootstrap_leaves_other_files_alone(void **state)
{
    struct fixture *fixture = *state;
    char path[160], text[64];
    snprintf(path, sizeof(path), "%s", test_path(&fixture->access.folder, "notes.txt"));
    FILE *file = fopen(path, "w");
    fputs("my notes\n", file);
    fclose(file);
    assert_int_equal(bootstrap(fixture, path), ERR_CONFLICT);
    read_token(path, text);
    assert_string_equal(text, "my notes");
    file = fopen(path, "w");
    fprintf(file, "toc_%0100d\n", 7);
    fclose(file);
    assert_int_equal(bootstrap(fixture, path), ERR_CONFLICT);
}

static void bootstrap_replaces_what_lets_nobody_in(void **state)
{
    struct fixture *fixture = *state;
    struct principal principal;
    char path[160], text[64];
    struct create weak = created_token(fixture, "weak", "alerts:read");
    snprintf(path, sizeof(path), "%s", test_path(&fixture->access.folder, "token"));
    const char *const before[] = { "", weak.made.text.text };
    for (size_t i = 0; i < 2; i++) {
        FILE *file = fopen(path, "w");
        fputs(before[i], file);
        fclose(file);
        test_check(bootstrap(fixture, path), &fixture->access.why);
        read_token(path, text);
        assert_int_equal(authenticate(fixture, text, &principal), ERR_OK);
        assert_true(principal_can(&principal, PERMISSION_ADMIN));
    }
}

static void a_file_without_a_folder_is_in_the_one_where_we_are(void **state)
{
    struct fixture *fixture = *state;
    char here[512], text[64];
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(fixture->access.folder.path), 0);
    enum err err = bootstrap(fixture, "token");
    read_token("token", text);
    assert_int_equal(chdir(here), 0);
    test_check(err, &fixture->access.why);
    assert_memory_equal(text, "toc_", 4);
}

/* ---- threads ---- */

struct user {
    struct fixture *fixture;
    const char *text;
    int good;
};

static void *user_main(void *context)
{
    struct user *user = context;
    for (int i = 0; i < 2000; i++) {
        struct principal principal;
        user->good += token_authenticate(user->fixture->tokens, str_of(user->text), &principal, NULL) ==
            ERR_OK;
    }
    return NULL;
}

static void tokens_may_be_used_while_others_come_and_go(void **state)
{
    struct fixture *fixture = *state;
    struct create token = created_token(fixture, "a", "admin");
    struct user users[2] = { { fixture, token.made.text.text, 0 }, { fixture, token.made.text.text, 0 } };
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, user_main, &users[i]);
    for (int i = 0; i < 50; i++) {
        struct create other = created_token(fixture, "b", "alerts:read");
        test_check(access_write(&fixture->access, revoke_work, &other), &fixture->access.why);
        test_check(access_write(&fixture->access, uses_work, fixture->tokens), &fixture->access.why);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(users[i].good, 2000);
    }
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, setup_memory, teardown)
#define ON_FILE(test) cmocka_unit_test_setup_teardown(test, setup_file, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(token_lets_in_until_it_is_revoked),
        IN_MEMORY(damaged_row_keeps_tokens_from_opening),
        IN_MEMORY(names_of_tokens_hold_no_control_characters),
        IN_MEMORY(wrong_tokens_are_refused_alike),
        IN_MEMORY(header_needs_the_bearer_scheme),
        IN_MEMORY(token_ends_when_it_expires),
        IN_MEMORY(undone_creation_makes_no_token),
        IN_MEMORY(nobody_hands_on_more_than_they_have),
        IN_MEMORY(bad_specs_are_told),
        ON_FILE(tokens_and_their_uses_survive_a_restart),
        IN_MEMORY(text_of_a_token_is_not_stored),
        IN_MEMORY(setup_link_works_once),
        IN_MEMORY(setup_link_expires),
        IN_MEMORY(each_of_many_tokens_is_revoked_by_itself),
        IN_MEMORY(a_token_that_is_not_known_here_can_be_revoked),
        IN_MEMORY(a_damaged_setup_row_lets_nobody_in),
        IN_MEMORY(bootstrap_replaces_what_lets_nobody_in),
        IN_MEMORY(a_file_without_a_folder_is_in_the_one_where_we_are),
        ON_FILE(bootstrap_file_always_holds_a_good_token),
        ON_FILE(collectors_token_sends_events_and_leaves_the_link_open),
        ON_FILE(bootstrap_leaves_other_files_alone),
        cmocka_unit_test_setup_teardown(tokens_may_be_used_while_others_come_and_go, setup_threads, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

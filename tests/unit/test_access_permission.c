#include "access/permission.h"
#include "access/principal.h"
#include "store_helpers.h"

static struct scopes parse(const char *text)
{
    struct scopes scopes = { 0 };
    struct err_info why = { 0 };
    test_check(scopes_parse(&scopes, str_of(text), &why), &why);
    return scopes;
}

static void scopes_read_as_they_print(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "alerts:read", "alerts:read cases:write",
        "ingest:wazuh ingest:falco", "ingest:*", "runs:write ingest:a.b-c_d", "admin" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct scopes scopes = parse(texts[i]);
        struct buf buf = { 0 };
        scopes_print(&buf, &scopes);
        assert_true(str_equal(buf_str(&buf), str_of(texts[i])));
        struct scopes again = parse(buf.data ? buf.data : "");
        assert_true(scopes_cover(&again, &scopes) && scopes_cover(&scopes, &again));
        buf_done(&buf);
    }
}

static void ingest_scope_is_for_its_source_only(void **state)
{
    (void)state;
    struct scopes one = parse("ingest:wazuh"), all = parse("ingest:*"), none = parse("alerts:read");
    assert_true(scopes_have_ingest(&one, STR("wazuh")));
    assert_false(scopes_have_ingest(&one, STR("wazu")));
    assert_false(scopes_have_ingest(&one, STR("wazuh2")));
    assert_false(scopes_have_ingest(&one, STR("")));
    assert_true(scopes_have(&one, PERMISSION_INGEST));
    assert_true(scopes_have_ingest(&all, STR("anything")));
    assert_false(scopes_have_ingest(&none, STR("wazuh")));
}

static void unknown_scope_gets_a_suggestion(void **state)
{
    (void)state;
    struct scopes scopes = { 0 };
    struct err_info why = { 0 };
    assert_int_equal(scopes_parse(&scopes, STR("alert:read"), &why), ERR_INVALID);
    assert_string_equal(why.name, "scope");
    assert_non_null(strstr(why.text, "alerts:read"));
    static const char *const bad[] = { "x", "ingest", "ingest:", "ingest:a b:c", "ingest:../x", "role:king",
        "Admin" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(scopes_parse(&scopes, str_of(bad[i]), &why), ERR_INVALID);
}

static void sources_have_a_limit(void **state)
{
    (void)state;
    struct scopes scopes = { 0 };
    struct err_info why = { 0 };
    enum err result = ERR_OK;
    for (int i = 0; i < 1000 && result == ERR_OK; i++) {
        char text[32];
        snprintf(text, sizeof(text), "ingest:source-%d", i);
        result = scopes_add(&scopes, str_of(text), &why);
    }
    assert_int_equal(result, ERR_LIMIT);
    assert_string_equal(why.name, "SCOPE_SOURCES_BYTES_MAX");
    assert_true(scopes_have_ingest(&scopes, STR("source-3")));
}

static void cover_means_nothing_more(void **state)
{
    (void)state;
    struct scopes admin = parse("admin"), analyst = parse("role:analyst"), wazuh = parse("ingest:wazuh");
    struct scopes both = parse("ingest:wazuh ingest:falco"), any = parse("ingest:*");
    assert_true(scopes_cover(&admin, &analyst));
    assert_false(scopes_cover(&analyst, &admin));
    assert_true(scopes_cover(&both, &wazuh));
    assert_false(scopes_cover(&wazuh, &both));
    assert_true(scopes_cover(&any, &both));
    assert_false(scopes_cover(&both, &any));
    assert_false(scopes_cover(&analyst, &wazuh));
}

static void roles_hold_what_their_work_needs_and_no_more(void **state)
{
    (void)state;
    struct scopes analyst = scopes_of_role(ROLE_ANALYST), engineer = scopes_of_role(ROLE_ENGINEER);
    struct scopes lead = scopes_of_role(ROLE_LEAD), operator= scopes_of_role(ROLE_OPERATOR);
    assert_true(scopes_have(&analyst, PERMISSION_TASKS_ANSWER));
    assert_false(scopes_have(&analyst, PERMISSION_PLAYBOOKS_WRITE));
    assert_false(scopes_have(&analyst, PERMISSION_SECRETS_READ));
    assert_true(scopes_have(&engineer, PERMISSION_SECRETS_WRITE));
    assert_false(scopes_have(&engineer, PERMISSION_TASKS_ANSWER)); /* who builds does not approve */
    assert_false(scopes_have(&engineer, PERMISSION_POLICIES_WRITE));
    assert_true(scopes_cover(&lead, &analyst));
    assert_false(scopes_have(&operator, PERMISSION_ALERTS_READ));
    assert_true(scopes_have(&operator, PERMISSION_SYSTEM_WRITE));
    for (int i = 0; i < ROLE_ADMINISTRATOR; i++) {
        struct scopes scopes = scopes_of_role((enum role)i);
        assert_false(scopes_have(&scopes, PERMISSION_ADMIN));
        assert_false(scopes_have(&scopes, PERMISSION_TOKENS_WRITE));
    }
}

static void each_permission_has_a_name_a_summary_and_a_role(void **state)
{
    (void)state;
    for (int i = PERMISSION_INGEST; i < PERMISSION_COUNT; i++) {
        assert_non_null(permissions[i].name);
        assert_non_null(permissions[i].summary);
        assert_true(permissions[i].roles & (1u << ROLE_ADMINISTRATOR));
    }
}

static void stranger_may_only_what_is_public(void **state)
{
    (void)state;
    struct principal stranger = { 0 }, system = principal_system(1);
    struct err_info why = { 0 };
    stranger.scopes = scopes_all(); /* scopes alone make no principal */
    assert_true(principal_can(&stranger, PERMISSION_PUBLIC));
    assert_false(principal_can(&stranger, PERMISSION_ANY));
    assert_false(principal_can(&stranger, PERMISSION_ALERTS_READ));
    assert_false(principal_can_ingest(&stranger, STR("wazuh")));
    assert_true(principal_can(&system, PERMISSION_ANY));
    assert_int_equal(principal_require(&stranger, PERMISSION_ALERTS_READ, &why), ERR_DENIED);
    assert_non_null(strstr(why.text, "alerts:read"));
    assert_int_equal(principal_require(&stranger, PERMISSION_ANY, &why), ERR_DENIED);
    assert_non_null(strstr(why.text, "lacks the scope of a principal"));
}

static void long_name_is_cut_at_a_character(void **state)
{
    (void)state;
    struct principal principal;
    char name[200];
    for (size_t i = 0; i < 198; i += 3)
        memcpy(name + i, "\xe2\x82\xac", 3); /* euro signs */
    principal_init(&principal, PRINCIPAL_TOKEN, 1, ID_NONE, (struct str){ name, 198 });
    assert_int_equal(principal.name_size, PRINCIPAL_NAME_BYTES_MAX / 3 * 3);
    assert_int_equal(strlen(principal.name), principal.name_size);
}

static void names_are_letters_digits_and_marks_between_them(void **state)
{
    (void)state;
    static const struct {
        struct str name;
        bool is_good, is_good_small;
    } rows[] = { { STR_INIT("a"), true, true }, { STR_INIT("z9.a_b-c"), true, true },
        { STR_INIT("0"), true, true }, { STR_INIT("Ab"), true, false }, { STR_INIT("aZ"), true, false },
        { STR_INIT(""), false, false }, { STR_INIT(".a"), false, false }, { STR_INIT("_a"), false, false },
        { STR_INIT("-"), false, false }, { STR_INIT("a b"), false, false }, { STR_INIT("a/b"), false, false },
        { STR_INIT("a:"), false, false }, { STR_INIT("a{"), false, false }, { STR_INIT("a`"), false, false },
        { STR_INIT("a\0b"), false, false }, { STR_INIT("\303\244"), false, false },
        { STR_INIT("12345678"), true, true }, { STR_INIT("123456789"), false, false } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(access_name_is_good(rows[i].name, 8, true), rows[i].is_good);
        assert_int_equal(access_name_is_good(rows[i].name, 8, false), rows[i].is_good_small);
    }
}

static void administrators_have_all_scopes_and_nobody_has_none(void **state)
{
    (void)state;
    struct scopes all = scopes_all(), administrator = scopes_of_role(ROLE_ADMINISTRATOR);
    struct principal nobody, system = principal_system(1);
    struct err_info why = { 0 };
    assert_true(scopes_cover(&administrator, &all));
    assert_false(scopes_have(&all, PERMISSION_COUNT));
    principal_init(&nobody, PRINCIPAL_NONE, 1, (struct id){ 0 }, STR(""));
    nobody.scopes = all;
    assert_false(principal_can_ingest(&nobody, STR("wazuh")));
    assert_true(principal_can_ingest(&system, STR("wazuh")));
    system.scopes = (struct scopes){ 0 };
    assert_false(principal_can_ingest(&system, STR("wazuh")));
    system.scopes = all;
    assert_int_equal(principal_require(&system, PERMISSION_CASES_READ, &why), ERR_OK);
    assert_int_equal(principal_require(&nobody, PERMISSION_CASES_READ, &why), ERR_DENIED);
    assert_non_null(strstr(why.text, "cases:read"));
    assert_string_equal(principal_kind_word(PRINCIPAL_KIND_COUNT), "none");
    principal_set_remote(&system, (struct str){ 0 });
    assert_string_equal(system.remote, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_letters_digits_and_marks_between_them),
        cmocka_unit_test(administrators_have_all_scopes_and_nobody_has_none),
        cmocka_unit_test(scopes_read_as_they_print),
        cmocka_unit_test(ingest_scope_is_for_its_source_only),
        cmocka_unit_test(unknown_scope_gets_a_suggestion),
        cmocka_unit_test(sources_have_a_limit),
        cmocka_unit_test(cover_means_nothing_more),
        cmocka_unit_test(roles_hold_what_their_work_needs_and_no_more),
        cmocka_unit_test(each_permission_has_a_name_a_summary_and_a_role),
        cmocka_unit_test(stranger_may_only_what_is_public),
        cmocka_unit_test(long_name_is_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

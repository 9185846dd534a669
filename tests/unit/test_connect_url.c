#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connect/url.h"

static void urls_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *path, *query;
        uint16_t port;
        bool is_https;
    } cases[] = {
        { "https://a.example", "a.example", "", "", 443, true },
        { "HTTP://A.example:8080/x/y?q=1&r#part", "A.example", "/x/y", "q=1&r", 8080, false },
        { "https://[2001:db8::7]:444/", "[2001:db8::7]", "/", "", 444, true },
        { "http://[::1]", "[::1]", "", "", 80, false },
        { "https://a_b-c.d?x/y", "a_b-c.d", "", "x/y", 443, true },
        { "https://a#?x", "a", "", "", 443, true },
        { "https://a/b@c:1", "a", "/b@c:1", "", 443, true },
        { "https://a/caf\xc3\xa9", "a", "/caf\xc3\xa9", "", 443, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct url url;
        struct err_info why = { 0 };
        if (url_parse(str_of(cases[i].text), &url, &why) != ERR_OK)
            fail_msg("%s: %s", cases[i].text, why.text);
        assert_true(str_equal(url.host, str_of(cases[i].host)));
        assert_true(str_equal(url.path, str_of(cases[i].path)));
        assert_true(str_equal(url.query, str_of(cases[i].query)));
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.is_https, cases[i].is_https);
    }
}

static void what_readers_could_disagree_about_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "a", "/a", "//a", "https:", "https:/a", "https://", "https:///a",
        "https://?q", "https://:80", "https://u@a", "https://u:p@a", "https://a@b@c", "https://a:0",
        "https://a:65536", "https://a:", "https://a:x", "https://a:1:2", "https://a b", "https://a/b c",
        "https://a\\b", "https://a/\\b", "https://a/\t", "https://a/\r\n", "https://a/\x7f", "https://a%2eb",
        "https://caf\xc3\xa9", "https://[::1", "https://[]", "https://[::g]", "https://[::1]x", "ftp://a",
        "javascript://a", "file:///a", " https://a", "https://a,b", "https://a;b", "https://a'b",
        "https://a*" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct url url;
        struct err_info why = { 0 };
        if (url_parse(str_of(bad[i]), &url, &why) == ERR_OK)
            fail_msg("taken: \"%s\"", bad[i]);
        assert_string_equal(why.name, "bad_url");
    }
    char *longest = malloc(9000);
    struct url url;
    memset(longest, 'a', 8999);
    longest[8999] = '\0';
    memcpy(longest, "https://a/", 10);
    assert_int_equal(url_parse(str_of(longest), &url, NULL), ERR_INVALID);
    longest[8192] = '\0';
    assert_int_equal(url_parse(str_of(longest), &url, NULL), ERR_OK);
    free(longest);
}

static void origins_are_compared_by_scheme_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } cases[] = { { "https://a/x", "https://a/y", true }, { "https://A.b", "HTTPS://a.B:443/", true },
        { "http://a", "http://a:80", true }, { "https://a", "http://a", false },
        { "https://a", "https://a:444", false }, { "https://a", "https://b", false },
        { "https://a", "https://a.b", false }, { "http://a:443", "https://a:443", false },
        { "https://[::1]", "https://[::1]:443", true } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct url a, b;
        assert_int_equal(url_parse(str_of(cases[i].a), &a, NULL), ERR_OK);
        assert_int_equal(url_parse(str_of(cases[i].b), &b, NULL), ERR_OK);
        assert_int_equal(url_same_origin(&a, &b), cases[i].is_same);
    }
}

static void dot_segments_are_seen_however_they_are_written(void **state)
{
    (void)state;
    static const char *const good[] = { "", "/", "/a", "/a.b", "/...", "/..a", "/a..", "/.a/b.", "/%2ea",
        "/a%2e%2e", "/%252e%252e/", "/%2", "/%", "/%2fa", "//", "/a//b", "/%2e%2e%2e" };
    static const char *const bad[] = { "/.", "/..", "/./", "/../", "/a/..", "/a/../b", "..", ".", "/%2e",
        "/%2E%2e", "/.%2e/x", "/a%2f..%2fb", "/a%2F%2e%2E", "/a%5c..", "/a\\..\\b", "/a/%2e/b", "/a%2f." };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (url_check_path(str_of(good[i]), NULL) != ERR_OK)
            fail_msg("refused: %s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err_info why = { 0 };
        if (url_check_path(str_of(bad[i]), &why) == ERR_OK)
            fail_msg("taken: %s", bad[i]);
        assert_string_equal(why.name, "bad_input");
    }
}

static void next_pages_are_found_at_the_same_origin(void **state)
{
    (void)state;
    static const struct {
        const char *reference, *wanted; /* NULL: refused */
    } cases[] = { { "/b", "https://a.example/b" }, { "?q=2", "https://a.example/x/y?q=2" },
        { "https://a.example/z?q", "https://a.example/z?q" },
        { "https://A.EXAMPLE:443/z", "https://A.EXAMPLE:443/z" }, { "//a.example/z", "https://a.example/z" },
        { "//b.example/z", NULL }, { "https://b.example", NULL }, { "http://a.example/z", NULL },
        { "z", NULL }, { "", NULL }, { "/a/../z", NULL }, { "https://u@a.example/", NULL }, { "/a b", NULL },
        { "#x", NULL }, { "javascript:x", NULL }, { "///a.example/z", NULL } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct str found;
        enum err result = url_resolve_same_origin(
            &arena, STR("https://a.example/x/y?q=1"), str_of(cases[i].reference), &found, NULL);
        if ((result == ERR_OK) != (cases[i].wanted != NULL) ||
            (result == ERR_OK && !str_equal(found, str_of(cases[i].wanted))))
            fail_msg("%s", cases[i].reference);
    }
}

static void parameters_are_taken_out_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *url, *name, *wanted;
    } cases[] = { { "https://a/?key=1", "key", "https://a/" },
        { "https://a/?a=1&key=2&b=3", "key", "https://a/?a=1&b=3" },
        { "https://a/?key&keys=1&Key=2", "key", "https://a/?keys=1&Key=2" },
        { "https://a/", "key", "https://a/" }, { "https://a/?a%20b=1&c=2", "a b", "https://a/?c=2" },
        { "https://a/?x=key=1", "key", "https://a/?x=key=1" },
        { "https://a/?key=1&key=2", "key", "https://a/" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct str left;
        assert_int_equal(
            url_without_query(&arena, str_of(cases[i].url), str_of(cases[i].name), &left, NULL), ERR_OK);
        if (!str_equal(left, str_of(cases[i].wanted)))
            fail_msg("%s: %.*s", cases[i].url, STR_ARG(left));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_read),
        cmocka_unit_test(what_readers_could_disagree_about_is_refused),
        cmocka_unit_test(origins_are_compared_by_scheme_host_and_port),
        cmocka_unit_test(dot_segments_are_seen_however_they_are_written),
        cmocka_unit_test(next_pages_are_found_at_the_same_origin),
        cmocka_unit_test(parameters_are_taken_out_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

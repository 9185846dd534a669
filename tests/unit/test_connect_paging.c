/* Answers in pages: every kind that the format knows, and where it ends. */
#include "connect/link.h"
#include "connect_helpers.h"

#define ACTION(name, request, paging) \
    "  " name ":\n" \
    "    summary: Lists\n" \
    "    kind: query\n" \
    "    out: { items: { type: list, items: int }, complete: bool }\n" \
    "    request: " request "\n" \
    "    paging: " paging "\n" \
    "    answer: { items: \"${{ items }}\", complete: \"${{ page.complete }}\" }\n"

static const char connector[] =
    "connector: pages\n"
    "title: Pages\n"
    "settings: { url: string, key: { type: string, secret: true } }\n"
    "base_url: ${{ settings.url }}\n"
    "auth: { kind: query, name: key, token: \"${{ settings.key }}\" }\n"
    "actions:\n" ACTION("cursor", "{ path: /c, query: { after: \"${{ page.cursor }}\" } }",
        "{ items: \"${{ body.items }}\", cursor: \"${{ body.next }}\" }")
        ACTION("link", "{ path: /l }", "{ items: \"${{ body }}\", next: link }") ACTION(
            "url", "{ path: /u }", "{ items: \"${{ body.items }}\", next: \"${{ body.next }}\", max: 3 }")
            ACTION("number", "{ path: /n, query: { page: \"${{ page.number }}\" } }",
                "{ items: \"${{ body.items }}\", number: {} }") ACTION("offset",
                "{ path: /o, query: { offset: \"${{ page.number }}\" } }",
                "{ items: \"${{ body.items }}\", number: { first: 0, step: 2 }, while: \"body.more\", max: 4 "
                "}");

static int setup(void **state)
{
    int result = world_setup(state);
    struct connect_world *world = *state;
    world_load(world, connector);
    world_secret(world, "key", "the-secret-key");
    world_connection(world, "pages", "pages", "{\"url\":\"STUB\",\"key\":\"${secret:key}\"}");
    return result;
}

static void cursor_is_followed_to_its_end(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    static const char *const ends[] = { "null", "\"\"" };
    for (size_t i = 0; i < 2; i++) {
        char last[60];
        snprintf(last, sizeof last, "{\"items\":[5],\"next\":%s}", ends[i]);
        stub_clear(&world->stub);
        stub_json(&world->stub, "GET /c?key=the-secret-key ", "{\"items\":[1,2],\"next\":\"a&b\"}");
        stub_json(&world->stub, "GET /c?after=a%26b&key=the-secret-key ", "{\"items\":[3,4],\"next\":7}");
        stub_json(&world->stub, "GET /c?after=7&key=the-secret-key ", last);
        assert_output(
            trial_run(world, &trial, "pages.cursor", "{}"), "{\"complete\":true,\"items\":[1,2,3,4,5]}");
        trial_done(&trial);
    }
    stub_clear(&world->stub);
    stub_json(&world->stub, "GET", "{\"items\":[]}");
    assert_output(trial_run(world, &trial, "pages.cursor", "{}"), "{\"complete\":true,\"items\":[]}");
    trial_done(&trial);
}

static void link_header_is_followed(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add(&world->stub, "GET /l?key=the-secret-key ", 200,
        "Link: </l?page=9>; rel=\"last\", <?page=2&key=the-secret-key>; title=\"a, b; rel=next\"; rel=\"x "
        "next\"\r\n",
        "[1]");
    stub_add(
        &world->stub, "GET /l?page=2&key=the-secret-key ", 200, "Link: </elsewhere>; Rel=NEXT\r\n", "[2]");
    stub_add(&world->stub, "GET /elsewhere?key=the-secret-key ", 200, "Link: </l>; rel=prev\r\n", "[3]");
    assert_output(trial_run(world, &trial, "pages.link", "{}"), "{\"complete\":true,\"items\":[1,2,3]}");
    trial_done(&trial);
}

static void next_url_is_followed_at_the_same_origin_only(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    AUTO(buf) struct buf body = { 0 };
    buf_printf(&body, "{\"items\":[1],\"next\":\"http://127.0.0.1:%u/u2?x=y\"}", world->stub.port);
    stub_json(&world->stub, "GET /u?", body.data);
    stub_json(&world->stub, "GET /u2?x=y&key=the-secret-key ", "{\"items\":[2],\"next\":null}");
    assert_output(trial_run(world, &trial, "pages.url", "{}"), "{\"complete\":true,\"items\":[1,2]}");
    trial_done(&trial);
    static const struct {
        const char *next, *code;
    } bad[] = { { "OTHER/u2", "other_origin" }, { "//evil.example/u2", "other_origin" },
        { "https://127.0.0.1/u2", "other_origin" }, { "http://u:p@127.0.0.1/u2", "bad_url" },
        { "file:///etc/passwd", "bad_url" }, { "u2", "bad_url" }, { "/a/../b", "bad_input" },
        { "/a\\\\b", "bad_url" }, { "/a b", "bad_url" }, { "/a\\r\\nX: y", "bad_url" } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO(buf) struct buf text = { 0 };
        buf_printf(&text, "{\"items\":[1],\"next\":\"%s\"}", bad[i].next);
        stub_clear(&world->stub);
        stub_json(&world->stub, "GET /u?", world_text(world, text.data).data);
        assert_error(trial_run(world, &trial, "pages.url", "{}"), bad[i].code, false, ACTION_ANSWERED);
        assert_int_equal(stub_request_count(&world->stub), 1);
        trial_done(&trial);
    }
    stub_clear(&world->stub);
    stub_json(&world->stub, "GET /u?", "{\"items\":[1],\"next\":{\"a\":1}}");
    assert_error(trial_run(world, &trial, "pages.url", "{}"), "answer_mismatch", false, ACTION_ANSWERED);
    trial_done(&trial);
    assert_int_equal(world->other.connection_count, 0);
}

static void numbers_count_pages_or_items(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->stub, "GET /n?page=1&", "{\"items\":[1,2]}");
    stub_json(&world->stub, "GET /n?page=2&", "{\"items\":[3]}");
    stub_json(&world->stub, "GET /n?page=3&", "{\"items\":[]}");
    assert_output(trial_run(world, &trial, "pages.number", "{}"), "{\"complete\":true,\"items\":[1,2,3]}");
    trial_done(&trial);
    stub_json(&world->stub, "GET /o?offset=0&", "{\"items\":[1,2],\"more\":true}");
    stub_json(&world->stub, "GET /o?offset=2&", "{\"items\":[3],\"more\":false}");
    assert_output(trial_run(world, &trial, "pages.offset", "{}"), "{\"complete\":true,\"items\":[1,2,3]}");
    trial_done(&trial);
}

static void pages_end_at_their_limit(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->stub, "GET /o?", "{\"items\":[1],\"more\":true}");
    assert_output(trial_run(world, &trial, "pages.offset", "{}"), "{\"complete\":false,\"items\":[1,1,1,1]}");
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->stub), 4);
    stub_clear(&world->stub);
    stub_json(&world->stub, "GET /u", "{\"items\":[1],\"next\":\"/u\"}"); /* round and round */
    assert_output(trial_run(world, &trial, "pages.url", "{}"), "{\"complete\":false,\"items\":[1,1,1]}");
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->stub), 3);
}

static void bad_page_ends_the_call(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        int status;
        const char *body, *code;
        bool is_retryable;
        enum action_effect effect;
    } cases[] = { { 200, "{\"items\":7}", "answer_mismatch", false, ACTION_ANSWERED },
        { 200, "{\"items\":[\"x\"]}", "answer_mismatch", false, ACTION_ANSWERED },
        { 200, "no JSON", "answer_not_json", false, ACTION_ANSWERED },
        { 500, "{}", "http_500", true, ACTION_UNKNOWN }, { 429, "{}", "http_429", true, ACTION_NOT_SENT } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        stub_clear(&world->stub);
        stub_json(&world->stub, "GET /c?key", "{\"items\":[1],\"next\":\"2\"}");
        stub_add(&world->stub, "GET /c?after=2", cases[i].status, "", cases[i].body);
        assert_error(trial_run(world, &trial, "pages.cursor", "{}"), cases[i].code, cases[i].is_retryable,
            cases[i].effect);
        trial_done(&trial);
    }
}

static void pages_together_have_a_limit(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    char *large = malloc(7 * MIB + 100);
    memset(large, ' ', 7 * MIB);
    strcpy(large + 7 * MIB, "{\"items\":[1],\"next\":\"x\"}");
    stub_json(&world->stub, "GET /c?", large);
    assert_error(trial_run(world, &trial, "pages.cursor", "{}"), "answer_too_large", false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "ANSWER_BYTES_MAX");
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->stub), 3);
    free(large);
}

static void cancel_between_pages_ends_the_call(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->stub, "GET /c?key", "{\"items\":[1],\"next\":\"2\"}");
    stub_add_raw(&world->stub, "GET /c?after", NULL, 0)->then = STUB_HOLD;
    trial_make(world, &trial, "pages.cursor", "{}");
    trial.call.deadline.us = loop_now(world->loop).us + 300 * US_PER_MS;
    trial_start(&trial);
    world_wait(world);
    assert_error(&trial.result, "timeout", true, ACTION_UNKNOWN);
    assert_str_has(trial.result.error.message, "GET http://127.0.0.1:");
    assert_str_lacks(trial.result.error.message, "the-secret-key");
    trial_done(&trial);
}

/* ---- the Link header (RFC 8288) ---- */

static void links_are_read_by_their_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *header, *next;
    } cases[] = { { "", "" }, { "<a>; rel=next", "a" }, { "<a>;rel=\"next\"", "a" },
        { "<a>; rel=\"NEXT\"", "a" }, { "<a>; rel=\"prev next\"", "a" },
        { "<a>; rel=prev, <b>; rel=next", "b" }, { "<a>; rel=prev,<b>; rel=next,<c>; rel=next", "b" },
        { "<a>; rel=nextish", "" }, { "<a>; rel=\"nextish\"", "" }, { "<a>; title=\"rel=next\"", "" },
        { "<a>; title=\"x\\\" ; rel=next\"", "" }, { "<a>; title=\"x, y\"; rel=next", "a" },
        { "<a,b>; rel=next", "a,b" }, { "<a>; rel = next", "a" }, { "<a>; rel=prev; rel=next", "" },
        { "<a>; rel=next; anchor=\"/other\"", "" }, { "<a>", "" }, { "<a>; ; rel=next", "a" },
        { "a; rel=next", "" }, { "<a; rel=next", "" }, { "<a>; rel=\"next", "" }, { "<a>; rel=\"next\\", "" },
        { "<>; rel=next", "" }, { ", ,<a>; rel=next", "a" }, { "<a> x <b>; rel=next", "" },
        { "<a>; rel", "" }, { "<a>; rel=", "" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str next = link_next(str_of(cases[i].header));
        if (!str_equal(next, str_of(cases[i].next)))
            fail_msg("%s: \"%.*s\"", cases[i].header, STR_ARG(next));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(cursor_is_followed_to_its_end),
        TEST(link_header_is_followed),
        TEST(next_url_is_followed_at_the_same_origin_only),
        TEST(numbers_count_pages_or_items),
        TEST(pages_end_at_their_limit),
        TEST(bad_page_ends_the_call),
        TEST(pages_together_have_a_limit),
        TEST(cancel_between_pages_ends_the_call),
        cmocka_unit_test(links_are_read_by_their_grammar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A hostile tool's answers through the whole mapping: statuses, headers, bodies, pages, error rules, probes.
 *
 * Input: action, purpose, status, then "Name: value" lines, an empty line, a body; a 0xff byte begins the
 * next answer. What must hold: the next page stays at the origin, and the call's secret shows nowhere. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "connect/exchange.h"
#include "connect/link.h"
#include "connect/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "S3cr3t/of the c@ll"
#define HEADERS_MAX 8

static const char text_of_connector[] =
    "connector: fuzz\n"
    "title: Fuzz\n"
    "settings: { key: { type: string, secret: true } }\n"
    "base_url: https://tool.example/api\n"
    "auth: { kind: query, name: key, token: \"${{ settings.key }}\" }\n"
    "actions:\n"
    "  record:\n"
    "    summary: x\n"
    "    kind: query\n"
    "    out: { a: string, b: { type: int, required: false }, c: { type: list, items: double, required: "
    "false }, d: { "
    "type: timestamp, required: false }, e: { type: string, secret: true, required: false }, f: { type: map, "
    "values: string, required: false } }\n"
    "    request: { path: /r }\n"
    "    errors:\n"
    "      - { when: 'has(body.error)', code: refused, message: '${{ body.error }}' }\n"
    "      - { when: 'headers[?\"x-e\"].orValue(\"\") != \"\"', code: header, message: 'h ${{ body.why }}' "
    "}\n"
    "  cursor:\n"
    "    summary: x\n"
    "    kind: query\n"
    "    out: list\n"
    "    request: { path: /c, query: { after: '${{ page.cursor }}' } }\n"
    "    paging: { items: '${{ body.items }}', cursor: '${{ body.next }}' }\n"
    "    answer: '${{ items }}'\n"
    "  link:\n"
    "    summary: x\n"
    "    kind: query\n"
    "    out: list\n"
    "    request: { path: /l }\n"
    "    paging: { items: '${{ body }}', next: link }\n"
    "    answer: '${{ items }}'\n"
    "  url:\n"
    "    summary: x\n"
    "    kind: query\n"
    "    format: any\n"
    "    ok_when: status < 500\n"
    "    request: { path: /u }\n"
    "    paging: { items: '${{ body.items }}', next: '${{ body.next }}' }\n"
    "    answer: '${{ items }}'\n"
    "  make:\n"
    "    summary: x\n"
    "    kind: ticket\n"
    "    out: { id: string }\n"
    "    request: { method: POST, path: /m, json: { k: '${{ settings.key }}' } }\n"
    "    probe:\n"
    "      request: { path: /p }\n"
    "      done_when: body.list.exists(i, i.id == call.key)\n"
    "      output: { id: '${{ body.list[0].id }}' }\n";

static enum err open_secret(
    struct secret_source *source, struct str name, struct secret *ret, struct err_info *why)
{
    (void)source;
    (void)name;
    return secret_init(ret, STR(SECRET), why);
}

static enum err no_sealed(
    struct secret_source *source, struct value sealed, struct secret *ret, struct err_info *why)
{
    (void)source;
    (void)sealed;
    (void)ret;
    return err_set(why, ERR_INVALID, "none");
}

static enum err seal(struct secret_source *source, struct str bytes, struct arena *arena, struct value *ret,
    struct err_info *why)
{
    (void)source;
    (void)bytes;
    (void)arena;
    (void)why;
    *ret = (struct value){ .type = VALUE_SECRET };
    return ERR_OK;
}

static struct secret_source source = { open_secret, no_sealed, seal };

static const struct connector *read_connector(void)
{
    static struct arena arena;
    static const struct connector *connector;
    struct diagnostics found;
    if (connector)
        return connector;
    diagnostics_init(&found, &arena, STR("fuzz.yaml"));
    connector = connector_read(&arena, str_of(text_of_connector), &found);
    for (uint32_t i = 0; i < found.count && !connector; i++)
        fprintf(stderr, "%u: %.*s\n", found.items[i].line, STR_ARG(found.items[i].text));
    assert(connector);
    return connector;
}

struct tool {
    struct str rest; /* answers to come */
    struct http_header headers[HEADERS_MAX];
    int status;
};

static void next_answer(struct tool *tool, struct http_answer *ret)
{
    struct str one, line, rest;
    uint32_t count = 0;
    if (!str_split(&tool->rest, '\xff', &one))
        one = STR("");
    rest = one;
    while (str_split(&rest, '\n', &line) && line.size) {
        ptrdiff_t colon = str_find_byte(line, ':', 0);
        if (colon <= 0 || count == HEADERS_MAX)
            continue;
        tool->headers[count++] = (struct http_header){ str_slice(line, 0, (size_t)colon),
            str_slice(line, (size_t)colon + 1, line.size) };
    }
    *ret = (struct http_answer){ .may_have_left = true,
        .status = tool->status,
        .headers = tool->headers,
        .header_count = count,
        .body = rest };
}

static void check_request(const struct http_request *request)
{
    struct url url;
    assert(url_parse(request->url, &url, NULL) == ERR_OK);
    assert(url.is_https && url.port == 443 && str_equal_nocase(url.host, STR("tool.example")));
    assert(url_check_path(url.path, NULL) == ERR_OK);
}

static void check_result(const struct action_result *result)
{
    struct buf text = { 0 };
    if (result->is_ok)
        json_print(&text, result->output, 0);
    assert(!str_contains(result->error.message, STR(SECRET)));
    assert(text.failed != ERR_OK || !str_contains(buf_str(&text), STR(SECRET)));
    assert(!result->is_ok || result->effect == ACTION_ANSWERED);
    buf_done(&text);
}

static void run(struct exchange *exchange, struct tool *tool)
{
    bool is_more = true;
    for (int page = 0; is_more && page < 20; page++) {
        struct wire wire = { 0 };
        struct http_answer answer;
        struct action_result result = { 0 };
        if (exchange_request(exchange, &wire, NULL) != ERR_OK)
            return; /* a cursor that no query can hold */
        check_request(&wire.request);
        next_answer(tool, &answer);
        enum err taken = exchange_answer(exchange, &answer, &result, &is_more, NULL);
        wire_done(&wire);
        assert(taken == ERR_OK || taken == ERR_MEMORY);
        if (taken != ERR_OK)
            return;
        if (!is_more)
            check_result(&result);
    }
}

static struct value make_map(struct arena *arena, const char *json)
{
    struct value v;
    enum err parsed = json_parse(arena, str_of(json), NULL, &v, NULL);
    assert(parsed == ERR_OK);
    (void)parsed;
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { .bytes_max = 64 << 20 };
    const struct connector *connector = read_connector();
    struct exchange exchange;
    if (size < 3)
        return 0;
    (void)link_next((struct str){ (const char *)data, size });
    const struct connector_action *action = &connector->actions[data[0] % connector->action_count];
    struct tool tool = { .rest = { (const char *)data + 3, size - 3 },
        .status = data[2] < 128 ? 200 : 100 + data[2] * 2 };
    struct exchange_options options = { .connector = connector,
        .action = action,
        .purpose = data[1] % 2 && action->action.has_probe ? ACTION_PROBE : ACTION_DO,
        .arena = &arena,
        .source = &source,
        .settings = make_map(&arena, "{\"key\":\"${secret:k}\"}"),
        .with = make_map(&arena, "{}"),
        .call = make_map(&arena, "{\"key\":\"k\",\"run\":\"r\",\"playbook\":\"p\",\"step\":\"s\"}") };
    enum err begun = exchange_begin(&exchange, &options, NULL);
    assert(begun == ERR_OK);
    (void)begun;
    exchange.place.base_url = STR("https://tool.example/api");
    exchange.place.auth = request_auth(connector, &exchange.scope);
    run(&exchange, &tool);
    exchange_end(&exchange);
    return 0;
}

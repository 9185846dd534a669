/* The server, when it answers: is it ready, does each connection work. */
#include "base/text.h"
#include "client.h"
#include "doctor.h"

static struct client_request get(const struct login *login, const char *path)
{
    return (struct client_request){
        .login = *login, .method = "GET", .path = str_of(path), .body = value_null()
    };
}

static struct str text_of(struct value map, const char *name)
{
    struct value v = value_get(map, str_of(name));
    return v.type == VALUE_STRING ? value_str(v) : STR("");
}

static void test_connection(struct doctor *doctor, const struct login *login, struct str name)
{
    AUTO(buf) struct buf path = { 0 };
    struct err_info why = { 0 };
    struct client_answer answer;
    struct value_map_builder nothing;
    value_map_begin(&nothing, doctor->arena);
    struct client_request request = { .login = *login, .method = "POST", .body = value_map_end(&nothing) };
    buf_add_text(&path, "/api/v1/connections/");
    percent_add(&path, name);
    buf_add_text(&path, "/test");
    if (buf_check(&path, NULL) != ERR_OK)
        return;
    request.path = buf_str(&path);
    if (client_ask(&request, doctor->arena, &answer, &why) != ERR_OK) {
        doctor_add(doctor, FINDING_WARN, "connection", NULL, "%.*s: %s", STR_ARG(name), why.text);
        return;
    }
    struct value ok = value_get(answer.body, STR("ok")), error = value_get(answer.body, STR("error"));
    if (ok.type == VALUE_BOOL && ok.boolean)
        doctor_add(doctor, FINDING_OK, "connection", NULL, "%.*s works", STR_ARG(name));
    else
        doctor_add(doctor, FINDING_FAIL, "connection",
            "look at its settings (`tocsin connection show`) and at the other side", "%.*s: %.*s: %.*s",
            STR_ARG(name), STR_ARG(text_of(error, "code")), STR_ARG(text_of(error, "message")));
}

static void test_connections(struct doctor *doctor, const struct login *login)
{
    struct err_info why = { 0 };
    struct client_answer answer;
    struct client_request request = get(login, "/api/v1/connections");
    if (client_ask(&request, doctor->arena, &answer, &why) != ERR_OK) {
        doctor_add(doctor, FINDING_WARN, "connections", NULL, "%s", why.text);
        return;
    }
    struct value items = value_get(answer.body, STR("items"));
    for (uint32_t i = 0; items.type == VALUE_LIST && i < items.size; i++)
        test_connection(doctor, login, text_of(items.items[i], "name"));
    if (items.size == 0)
        doctor_add(doctor, FINDING_OK, "connections", NULL, "there are none");
}

void doctor_server(struct doctor *doctor)
{
    struct login login;
    struct err_info why = { 0 };
    struct client_answer answer;
    if (login_find(doctor->server, doctor->arena, &login, &why) != ERR_OK) {
        doctor_add(doctor, FINDING_WARN, "login", NULL, "%s", why.text);
        return;
    }
    struct client_request request = get(&login, "/readyz");
    enum err result = client_ask(&request, doctor->arena, &answer, &why);
    bool is_away = result == ERR_UNAVAILABLE && why.name == NULL;
    if (is_away && doctor->server == NULL) {
        doctor_add(doctor, FINDING_OK, "server", NULL, "none answers at %.*s; its checks are left out",
            STR_ARG(login.server));
        return;
    }
    if (result != ERR_OK) {
        doctor_add(doctor, FINDING_FAIL, "server", "look at the server's log", "%.*s: %s",
            STR_ARG(login.server), why.text);
        return;
    }
    doctor_add(doctor, FINDING_OK, "server", NULL, "%.*s is ready", STR_ARG(login.server));
    if (login.token.size > 0)
        test_connections(doctor, &login);
}

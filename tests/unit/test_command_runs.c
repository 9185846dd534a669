#include "command_helpers.h"

#include <string.h>

#include "coverage.h"
#include "decisions.h"
#include "recorded.h"

/* ---- coverage ---- */

static const char playbook_text[] = "playbook: p\n"
                                    "steps:\n"
                                    "  - id: choose\n"
                                    "    if: inputs.a\n"
                                    "    then: [ { id: yes_, set: { x: 1 } } ]\n"
                                    "  - id: pick\n"
                                    "    switch: inputs.b\n"
                                    "    cases:\n"
                                    "      - { when: it == 1, steps: [ { id: one, set: { x: 1 } } ] }\n"
                                    "      - { when: it == 2, steps: [ { id: two, set: { x: 2 } } ] }\n"
                                    "    default: [ { id: other, set: { x: 3 } } ]\n"
                                    "  - { id: guarded, when: inputs.a, set: { x: 4 } }\n"
                                    "inputs: { a: { type: bool }, b: { type: int } }\n"
                                    "on_failure: [ { id: told, set: { x: 5 } } ]\n";

static void branches_are_taken_by_the_steps_below_them(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf left = { 0 };
    struct diagnostics found;
    struct playbook *playbook;
    struct coverage coverage;
    diagnostics_init(&found, &arena, STR("p"));
    assert_int_equal(playbook_parse(str_of(playbook_text), NULL, &found, &playbook, NULL), ERR_OK);
    assert_int_equal(coverage_init(&coverage, &arena, STR("p"), playbook, NULL), ERR_OK);
    playbook_release(playbook);
    assert_int_equal(coverage.count, 8);
    assert_int_equal(coverage_taken(&coverage), 0);
    coverage_add(&coverage,
        json(&arena,
            "[{'id':'choose','status':'succeeded','steps':[]},"
            "{'id':'pick','status':'succeeded','steps':[{'id':'two','status':'succeeded','steps':[]}]},"
            "{'id':'guarded','status':'skipped','steps':[]},{'id':'unknown','status':'succeeded'}]"));
    assert_int_equal(coverage_taken(&coverage), 3);
    coverage_add(&coverage,
        json(&arena,
            "[{'id':'choose','status':'succeeded','steps':[{'id':'yes_','status':'failed','steps':[]}]},"
            "{'id':'told','status':'succeeded','steps':[]},{'id':'guarded','status':'succeeded','steps':[]}"
            "]"));
    for (uint32_t i = 0; i < coverage.count; i++) {
        if (coverage.branches[i].is_taken)
            continue;
        coverage_print_branch(&left, &coverage.branches[i]);
        buf_add_byte(&left, '\n');
    }
    assert_text(&left, "pick: case 1\npick: default\n");
    coverage_done(&coverage);
}

/* ---- what was recorded ---- */

#define RUN_ID "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define RUN \
    "{'status':'succeeded','steps':[" \
    "{'id':'look','kind':'do','action':'a.look','status':'failed','attempts':3,'input':{'ip':'x'}," \
    "'output':null,'error':{'code':'http_503','message':'m','retryable':true,'step':'look'},'steps':[]}," \
    "{'id':'step_2','kind':'for_each','action':null,'status':'succeeded','attempts':1,'steps':[" \
    "{'id':'hit','kind':'do','action':'a.hit','status':'succeeded','attempts':1,'input':{'n':1}," \
    "'output':{'ok':1},'error':null,'steps':[]}," \
    "{'id':'hit','kind':'do','action':'a.hit','status':'succeeded','attempts':1,'input':{'n':2,'id':" \
    "'" RUN_ID "'},'output':{'ok':2},'error':null,'steps':[]}]}," \
    "{'id':'ask','kind':'ask','action':null,'status':'succeeded','attempts':1,'steps':[]}," \
    "{'id':'case','kind':'do','action':'case.open','status':'succeeded','attempts':1,'input':{'title':'t'}," \
    "'output':{'id':'" RUN_ID "','number':57},'error':null,'steps':[]}," \
    "{'id':'tell','kind':'do','action':'a.tell','status':'succeeded','attempts':1,'input':{},'output':null," \
    "'simulated':true,'error':null,'steps':[]}," \
    "{'id':'never','kind':'do','action':'a.hit','status':'skipped','attempts':0,'steps':[]}]," \
    "'tasks':[{'step':'ask','answer':{'choice':'block','by':'kim'}},{'step':'open','answer':null}]}"

static void assert_json(struct value v, const char *wanted)
{
    AUTO(buf) struct buf buf = { 0 };
    json_print(&buf, v, 0);
    assert_text(&buf, wanted);
}

static void a_run_gives_its_answers_back(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct recorded recorded;
    struct value lasting;
    assert_int_equal(recorded_take(&arena, json(&arena, RUN), &recorded, NULL), ERR_OK);
    assert_json(recorded.mocks,
        "{\"a.look\":[{\"error\":{\"code\":\"http_503\",\"message\":\"m\",\"retryable\":true}}],"
        "\"a.hit\":[{\"output\":{\"ok\":1}},{\"output\":{\"ok\":2}}]}");
    assert_json(recorded.answers, "{\"ask\":[{\"choice\":\"block\"}]}");
    assert_json(recorded.path, "[\"look\",\"hit\",\"hit\",\"ask\",\"case\",\"tell\"]");
    assert_int_equal(
        recorded_lasting(&recorded, json(&arena, "{'case':57,'n':56,'id':'" RUN_ID "','in':{'number':57}}"),
            &lasting, NULL),
        ERR_OK);
    assert_json(lasting, "{\"n\":56,\"in\":{}}");
    assert_int_equal(recorded_take(&arena, value_null(), &recorded, NULL), ERR_OK);
    assert_int_equal(recorded.mocks.size, 0);
}

/* ---- decisions ---- */

static const struct action actions[] = {
    { .name = STR_INIT("a.look"), .kind = ACTION_QUERY },
    { .name = STR_INIT("a.hit"), .kind = ACTION_CONTAIN },
    { .name = STR_INIT("a.tell"), .kind = ACTION_NOTIFY },
    { .name = STR_INIT("case.open"), .kind = ACTION_TICKET },
};

static const struct action *find_action(const struct catalogue *catalogue, struct str name)
{
    (void)catalogue;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (str_equal(actions[i].name, name))
            return &actions[i];
    return NULL;
}

static const struct catalogue catalogue = { .find = find_action };

static void add_decision(void *context, const struct decision *decision, bool is_new)
{
    buf_printf(context, "%c%s %.*s %.*s\n", is_new ? '+' : '-', outcome_name(decision->outcome),
        STR_ARG(decision->name), STR_ARG(decision->target));
}

static void decisions_are_what_the_world_would_notice(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct decisions none, run, other;
    assert_int_equal(decisions_take(&arena, &catalogue, value_null(), &none, NULL), ERR_OK);
    assert_int_equal(decisions_take(&arena, &catalogue, json(&arena, RUN), &run, NULL), ERR_OK);
    assert_int_equal(run.missing, 0);
    decisions_compare(&none, &run, add_decision, &text);
    assert_text(&text,
        "+contain a.hit {\"n\":1}\n+contain a.hit {\"n\":2}\n+notify a.tell \n+ticket case.open \n+ask ask \n"
        "-status no run \n+status succeeded \n");
    buf_clear(&text);
    decisions_compare(&run, &run, add_decision, &text);
    assert_text(&text, "");
    assert_int_equal(
        decisions_take(&arena, &catalogue,
            json(&arena,
                "{'status':'failed','steps':[{'id':'hit','kind':'do','action':'a.hit','status':'failed',"
                "'attempts':1,'input':{'n':2},'error':{'code':'not_mocked'},'steps':[]}]}"),
            &other, NULL),
        ERR_OK);
    assert_int_equal(other.missing, 1);
    decisions_compare(&run, &other, add_decision, &text);
    assert_text(&text,
        "-contain a.hit {\"n\":1}\n-notify a.tell \n-ticket case.open \n-ask ask \n+status failed \n"
        "-status succeeded \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches_are_taken_by_the_steps_below_them),
        cmocka_unit_test(a_run_gives_its_answers_back),
        cmocka_unit_test(decisions_are_what_the_world_would_notice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

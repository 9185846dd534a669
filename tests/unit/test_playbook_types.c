/* Types and presence as they flow through a playbook: what is found, and what nearly looks like it and is
 * fine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "playbook_world.h"

struct lint_case {
    const char *text; /* the steps, or more keys of a playbook */
    const char *code; /* the only fault's; NULL: there is none */
    uint32_t line, column; /* of the whole text with its head; 0: not looked at */
};

/* A step that looks an address up, in three lines. */
#define LOOK "steps:\n  - id: look\n    do: abuseipdb.check_ip\n    with: { ip: 203.0.113.9 }\n"
#define LOOK_ON LOOK "    on_error: continue\n"
#define GIVE(expression) "  - return: \"${{ " expression " }}\"\n"
#define ONLY(expression) "steps:\n" GIVE(expression)

static bool is_good(const struct lint_case *its, const struct diagnostics *found)
{
    if (its->code == NULL)
        return found->count == 0;
    return found->count == 1 && strcmp(found->items[0].code, its->code) == 0 &&
        (its->line == 0 || (found->items[0].line == its->line && found->items[0].column == its->column));
}

static void check_all(const struct lint_case *cases, size_t count)
{
    uint32_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct diagnostics found;
        test_lint(str_of(cases[i].text), &arena, &found);
        if (is_good(&cases[i], &found))
            continue;
        wrong++;
        print_message("case %zu should get %s:\n%sand gets\n", i, cases[i].code ? cases[i].code : "nothing",
            cases[i].text);
        test_print_faults(&found);
    }
    assert_int_equal(wrong, 0);
}
#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof((cases)[0]))

static void fields_are_those_that_are_declared(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { ONLY("alert.severty_id"), "no_such_field", 3, 24 },
        { ONLY("alert['severty_id']"), "no_such_field", 0, 0 },
        { ONLY("alert.finding_info.titel"), "no_such_field", 0, 0 },
        { ONLY("alert.?usr.orValue(1)"), "no_such_field", 0, 0 },
        { ONLY("has(alert.usr)"), "no_such_field", 0, 0 },
        { ONLY("case.nummer"), "no_such_field", 0, 0 },
        { ONLY("run.vresion"), "no_such_field", 0, 0 },
        { ONLY("event.whatever.there.is"), NULL, 0, 0 },
        { ONLY("alert.observables[0].vlaue"), "no_such_field", 0, 0 },
        { ONLY("alert.observables[0].value"), NULL, 0, 0 },
        { ONLY("alert.observables.map(o, o.vlaue)"), "no_such_field", 0, 0 },
        { ONLY("alert.observables.map(o, o.value)"), NULL, 0, 0 },
        { ONLY("alert.observables.value"), "no_fields", 0, 0 },
        { ONLY("alert.observables[*].value"), NULL, 0, 0 },
        { ONLY("alert.observables[*].vlaue"), "no_such_field", 0, 0 },
        { ONLY("alert.observables[*].value.x"), "no_fields", 0, 0 },
        { ONLY("alert[*].severity_id"), "expr_check", 3, 18 },
        { ONLY("alert.severity_id.name"), "no_fields", 0, 0 },
        { ONLY("alert.tags[0].name"), "no_fields", 0, 0 },
        { ONLY("iocs(alert.id).ipv4"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.scor"), "unknown_output", 6, 36 },
        { LOOK GIVE("steps.look.output.networks[0].asm"), "unknown_output", 0, 0 },
        { LOOK GIVE("steps.look.output.networks[0].asn"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.asn"), "no_fields", 0, 0 },
        { LOOK GIVE("steps.look.output.networks[*].asn"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks[*].asm"), "unknown_output", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.asn > 5)[*].ans"), "no_such_field", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.asn > 5).map(n, n.asn)"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.asn > 5).map(n, n.ans)"), "no_such_field", 0, 0 },
        { LOOK GIVE("cel.bind(o, steps.look.output, o.score + o.scoer)"), "unknown_output", 0, 0 },
    };
    CHECK_ALL(cases);
}

/* The fields of a literal whose keys stand in the text are known, in an expression as in a template. */
static void literals_have_the_fields_that_stand_in_them(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { ONLY("{'a': 1}.b"), "no_such_field", 0, 0 },
        { ONLY("[{'a': 1}, {'a': 2}][*].b"), "no_such_field", 0, 0 },
        { ONLY("[{'a': 1}, {'a': 2}][*].a"), NULL, 0, 0 },
        { ONLY("alert.tags.map(t, {'tag': t}).map(m, m.tga)"), "no_such_field", 0, 0 },
        { ONLY("alert.tags.map(t, {'tag': t})[*].tag.join()"), NULL, 0, 0 },
        { "steps:\n  - id: c\n    for_each: alert.tags\n    as: t\n    steps: [ { wait: 1s } ]\n"
          "    collect: \"${{ {'tag': t} }}\"\n" GIVE("steps.c.output[*].tga"),
            "unknown_output", 0, 0 },
        { "steps:\n  - id: c\n    for_each: alert.tags\n    as: t\n    steps: [ { wait: 1s } ]\n"
          "    collect: \"${{ {'tag': t} }}\"\n" GIVE("steps.c.output[*].tag.join()"),
            NULL, 0, 0 },
        { ONLY("{'low': 1, 'high': 2}[?alert.source].orValue(0)"), NULL, 0, 0 },
        { ONLY("{alert.source: 1}.x"), NULL, 0, 0 },
        { ONLY("{?'a': alert.?user.?name}.a"), NULL, 0, 0 },
        { ONLY("alert.tags.transformMapEntry(i, t, {'x': t}).y"), NULL, 0, 0 },
        { ONLY("(alert.count > 1 ? {'a': 1} : {'b': 2}).?b.orValue(0)"), NULL, 0, 0 },
        { ONLY("{}.?a.orValue(0)"), NULL, 0, 0 },
        { "steps:\n  - do: ssh.run\n    with: \"${{ {'comand': 'ls'} }}\"\n", "wrong_field_type", 0, 0 },
    };
    CHECK_ALL(cases);
}

static void what_may_be_absent_is_tested_first(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { ONLY("alert.src_endpoint"), "may_be_absent", 3, 24 },
        { ONLY("alert.?src_endpoint.?ip.orValue('')"), NULL, 0, 0 },
        { ONLY("alert.?src_endpoint.ip.orValue('')"), NULL, 0, 0 },
        { ONLY("has(alert.user) ? 'there' : 'not'"), NULL, 0, 0 },
        { ONLY("has(alert.src_endpoint) && has(alert.src_endpoint.ip) ? alert.src_endpoint.ip : ''"), NULL, 0,
            0 },
        { ONLY("!has(alert.user) ? '' : alert.user.?name.orValue('')"), NULL, 0, 0 },
        { ONLY("!has(alert.user) || alert.user.?name.orValue('') == ''"), NULL, 0, 0 },
        { ONLY("has(alert.user) || alert.user.?name.orValue('') == ''"), "may_be_absent", 0, 0 },
        { ONLY("has(alert.user) ? '' : alert.user.?name.orValue('')"), "may_be_absent", 0, 0 },
        { ONLY("alert.?user.hasValue() ? string(alert.user.?name.orValue('')) : ''"), NULL, 0, 0 },
        { ONLY("'user' in alert ? alert.user.?name.orValue('') : ''"), NULL, 0, 0 },
        { ONLY("alert.observables[0].name"), "may_be_absent", 0, 0 },
        { ONLY("alert.observables.filter(o, has(o.name)).map(o, o.name)"), NULL, 0, 0 },
        { ONLY("alert.observables.map(o, has(o.name), o.name)"), NULL, 0, 0 },
        { ONLY("alert.observables.map(o, o.name)"), "may_be_absent", 0, 0 },
        { ONLY("alert.observables[*].name"), "may_be_absent", 0, 0 },
        { ONLY("alert.observables[*].?name"), NULL, 0, 0 },
        { ONLY("alert.observables.filter(o, has(o.name))[*].name"), NULL, 0, 0 },
        { ONLY("alert.observables[*].value.join(',')"), NULL, 0, 0 },
        { ONLY("alert.unmapped.x"), "may_be_absent", 0, 0 },
        { ONLY("alert.?unmapped.?x.orValue(1)"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.country"), "may_be_absent", 0, 0 },
        { LOOK GIVE("steps.look.output.?country.orValue('')"), NULL, 0, 0 },
        /* An input's default and a trigger may fail to have it. */
        { "inputs: { ip: { type: ip, default: \"${{ alert.src_endpoint.ip }}\" } }\n" ONLY("inputs.ip"), NULL,
            0, 0 },
        { "triggers: [ { alert: alert.user.name == 'root' } ]\n" ONLY("1"), NULL, 0, 0 },
        { "triggers: [ { alert: has(alert.user) } ]\n" ONLY("alert.user.?name.orValue('')"), NULL, 0, 0 },
        { "triggers: [ { alert: has(alert.user) }, { manual: true } ]\n" ONLY("alert.user.?name.orValue('')"),
            "may_be_absent", 0, 0 },
        { "triggers: [ { alert: has(alert.user) }, { alert: has(alert.user) && alert.count > 3 } ]\n" ONLY(
              "alert.user.?name.orValue('')"),
            NULL, 0, 0 },
        { "inputs: { a: { type: string, required: false } }\n" ONLY("inputs.a"), "may_be_absent", 0, 0 },
        { "inputs: { a: { type: string, required: false } }\n" ONLY("has(inputs.a) ? inputs.a : ''"), NULL, 0,
            0 },
    };
    CHECK_ALL(cases);
}

static void conditions_around_count(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { "steps:\n  - if: has(alert.user)\n    then:\n      - return: \"${{ alert.user.?name.orValue('') "
          "}}\"\n",
            NULL, 0, 0 },
        { "steps:\n  - if: has(alert.user)\n    then: [ { wait: 1s } ]\n    else:\n"
          "      - return: \"${{ alert.user.?name.orValue('') }}\"\n",
            "may_be_absent", 0, 0 },
        { "steps:\n  - if: '!has(alert.user)'\n    then: [ { return: 1 } ]\n" GIVE(
              "alert.user.?name.orValue('')"),
            NULL, 0, 0 },
        { "steps:\n  - if: '!has(alert.user)'\n    then: [ { wait: 1s } ]\n" GIVE(
              "alert.user.?name.orValue('')"),
            "may_be_absent", 0, 0 },
        { "steps:\n  - when: has(alert.user)\n    return: \"${{ alert.user.?name.orValue('') }}\"\n", NULL, 0,
            0 },
        { "steps:\n  - when: '!has(alert.user)'\n    return: 1\n" GIVE("alert.user.?name.orValue('')"), NULL,
            0, 0 },
        { LOOK_ON GIVE("steps.look.output.score"), "output_may_be_absent", 0, 0 },
        { LOOK_ON GIVE("steps.look.ok ? steps.look.output.score : 0"), NULL, 0, 0 },
        { LOOK_ON GIVE("!steps.look.ok ? 0 : steps.look.output.score"), NULL, 0, 0 },
        { LOOK_ON GIVE("steps.look.ok == true ? steps.look.output.score : 0"), NULL, 0, 0 },
        { LOOK_ON GIVE("steps.look.output != null ? steps.look.output.score : 0"), "output_may_be_absent", 0,
            0 },
        { LOOK_ON "  - when: steps.look.ok\n    return: \"${{ steps.look.output.score }}\"\n", NULL, 0, 0 },
        { LOOK_ON "  - if: '!steps.look.ok'\n    then: [ { fail: down } ]\n" GIVE("steps.look.output.score"),
            NULL, 0, 0 },
        { LOOK_ON GIVE("steps.look.error.code"), "may_be_absent", 0, 0 },
        { LOOK_ON GIVE("steps.look.ok ? '' : steps.look.error.code"), NULL, 0, 0 },
        { LOOK "    on_error: [ { do: case.open, with: { title: \"${{ steps.look.error.code }}\" } } ]\n",
            NULL, 0, 0 },
        { LOOK "    on_error: [ { return: \"${{ run.error.code }}\" } ]\n" GIVE("steps.look.output.score"),
            NULL, 0, 0 },
        { LOOK "    on_error: [ { wait: 1s } ]\n" GIVE("steps.look.output.score"), "output_may_be_absent", 0,
            0 },
        { ONLY("run.error.code"), "may_be_absent", 0, 0 },
        { "steps: [ { wait: 1s } ]\non_failure:\n  - return: \"${{ run.error.code }}\"\n", NULL, 0, 0 },
        { "steps:\n  - try: [ { wait: 1s } ]\n    catch: [ { return: \"${{ run.error.code }}\" } ]\n", NULL,
            0, 0 },
    };
    CHECK_ALL(cases);
}

static void null_is_told_from_absent(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { LOOK GIVE("steps.look.output.owner"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.owner.size()"), "may_be_null", 0, 0 },
        { LOOK GIVE("'of ' + steps.look.output.owner"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.owner == null ? '' : 'of ' + steps.look.output.owner"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.owner != null && steps.look.output.owner.size() > 3"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.owner == 'ACME' ? steps.look.output.owner.size() : 0"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.owner == 'ACME'"), NULL, 0, 0 },
        /* What stands in for an absent value does not stand in for null. */
        { LOOK GIVE("'of ' + steps.look.output.?owner.orValue('x')"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.?owner.orValue('x').size()"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.?owner.value().size()"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.?owner.orValue('x') == 'y'"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.owner != null ? 'of ' + steps.look.output.?owner.orValue('x') : ''"),
            NULL, 0, 0 },
        { LOOK GIVE("'of ' + steps.look.output.?country.orValue('x')"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.parent.asn"), "may_be_null", 6, 36 },
        { LOOK GIVE("has(steps.look.output.parent.name)"), "may_be_null", 0, 0 },
        /* `?` asks for what is absent, and null is there. */
        { LOOK GIVE("steps.look.output.parent.?asn.orValue(1)"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.?parent.asn.orValue(1)"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.?parent.?asn.orValue(1)"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.parent != null ? steps.look.output.?parent.asn.orValue(1) : 0"), NULL,
            0, 0 },
        { LOOK GIVE("steps.look.output.parent == null || steps.look.output.parent.asn > 1"), NULL, 0, 0 },
        { "inputs: { a: { type: 'record?', fields: { b: string } } }\n" ONLY("inputs.a.b"), "may_be_null", 0,
            0 },
        { "inputs: { a: { type: 'list?', items: string } }\n" ONLY("inputs.a[0]"), "may_be_null", 0, 0 },
        { "inputs: { a: { type: record, nullable: true, fields: { b: string } } }\n" ONLY("inputs.a.b"),
            "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.owner[*].x"), "expr_check", 0, 0 },
        { LOOK GIVE("steps.look.output.networks[*].?name"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks[*].?name.size()"), NULL, 0, 0 },
        { LOOK "  - do: case.open\n    with: { title: \"${{ steps.look.output.owner }}\" }\n", "may_be_null",
            0, 0 },
        { LOOK "  - when: steps.look.output.owner != null\n    do: case.open\n"
               "    with: { title: \"${{ steps.look.output.owner }}\" }\n",
            NULL, 0, 0 },
        { LOOK "  - do: case.open\n    with: { title: \"${{ steps.look.output.owner != null ? "
               "steps.look.output.owner : 'none' }}\" }\n",
            NULL, 0, 0 },
        { LOOK "  - set: { o: \"${{ steps.look.output.owner }}\" }\n" GIVE("vars.o.size()"), "may_be_null", 0,
            0 },
        { "steps:\n  - set: { a: null }\n  - if: alert.count > 3\n    then: [ { set: { a: x } } ]\n" GIVE(
              "vars.a.size()"),
            "may_be_null", 0, 0 },
        { "steps:\n  - set: { a: null }\n  - if: alert.count > 3\n    then: [ { set: { a: x } } ]\n" GIVE(
              "vars.a != null && vars.a.size() > 1"),
            NULL, 0, 0 },
        { "triggers: [ { schedule: '@daily' } ]\n" ONLY("alert.severity_id"), "may_be_null", 0, 0 },
        { "triggers: [ { alert: alert.count > 1 } ]\n" ONLY("case.number"), "may_be_null", 0, 0 },
        { "triggers: [ { case: created } ]\n" ONLY("case.number"), NULL, 0, 0 },
    };
    CHECK_ALL(cases);
}

/* Where a value comes out of a list, an optional or a condition and has no path of its own. */
static void null_is_seen_wherever_it_comes_from(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { LOOK GIVE("steps.look.output.networks[*].alias.join(',')"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.asn > 1)[0].alias.size()"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.asn > 1)[*].alias.join(',')"), "may_be_null", 0,
            0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.asn > 1).map(n, n.alias).join(',')"),
            "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.map(n, n.alias).join(',')"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.map(n, n.alias.size())"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.map(n, n.alias).reverse().join(',')"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.first().optMap(n, n.alias).orValue('').size()"),
            "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.first().optMap(n, n.alias.size()).orValue(0)"), "may_be_null",
            0, 0 },
        { LOOK GIVE("steps.look.output.networks[*].alias.first().orValue('').size()"), "may_be_null", 0, 0 },
        { LOOK GIVE("(alert.count > 1 ? steps.look.output.owner : 'x').size()"), "may_be_null", 0, 0 },
        { LOOK GIVE("cel.bind(o, alert.count > 1 ? steps.look.output.owner : 'x', o.size())"), "may_be_null",
            0, 0 },
        { LOOK GIVE("[steps.look.output.owner, 'x'].join()"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.sortBy(n, n.alias)"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks.exists(n, n.alias.startsWith('x'))"), "may_be_null", 0, 0 },
        { LOOK GIVE("optional.of(steps.look.output.owner).value().size()"), "may_be_null", 0, 0 },
        { LOOK GIVE("steps.look.output.networks[alert.count].alias.size()"), "may_be_null", 0, 0 },
        /* what a predicate has shown holds of the items */
        { LOOK GIVE("steps.look.output.networks.filter(n, n.alias != null)[0].alias.size()"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.alias != null)[*].alias.join(',')"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.alias != null).map(n, n.alias).join(',')"), NULL,
            0, 0 },
        { LOOK GIVE("steps.look.output.networks[*].alias.filter(a, a != null).join(',')"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.map(n, n.alias != null, n.alias).join(',')"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.map(n, n.alias == null ? '' : n.alias).join(',')"), NULL, 0,
            0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.alias != null).first().optMap(n, "
                    "n.alias).orValue('').size()"),
            NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.alias != null && has(n.name)).map(n, n.name)"),
            NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.?name.orValue('') == 'x').map(n, n.name.size())"),
            NULL, 0, 0 },
        { LOOK GIVE("cel.bind(o, steps.look.output.owner, o == null ? 0 : o.size())"), NULL, 0, 0 },
        { LOOK GIVE("cel.bind(n, steps.look.output.networks.filter(n, n.alias != null), n[*].alias.join())"),
            NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.asn > 1)[0].alias != null ? "
                    "steps.look.output.networks.filter(n, n.asn > 1)[0].alias.size() : 0"),
            NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks[alert.count].alias != null && "
                    "steps.look.output.networks[alert.count].alias.size() > 1"),
            NULL, 0, 0 },
        { LOOK GIVE("alert.?user.?name.orValue('') != '' ? alert.user.name : ''"), NULL, 0, 0 },
        { LOOK GIVE("alert.?user.?name.orValue('').size() > 0 ? alert.user.name : ''"), NULL, 0, 0 },
        { LOOK GIVE("steps.look.output.networks.filter(n, n.alias != null).sortBy(n, n.alias)"), NULL, 0, 0 },
        { LOOK "  - set: { n: \"${{ steps.look.output.networks.filter(n, n.alias != null) }}\" }\n" GIVE(
              "vars.n[*].alias.join() + vars.n.map(n, n.alias).join()"),
            NULL, 0, 0 },
        { LOOK "  - for_each: steps.look.output.networks.filter(n, n.alias != null)\n    as: n\n"
               "    steps: [ { do: case.open, with: { title: \"${{ n.alias }}\" } } ]\n",
            NULL, 0, 0 },
        { LOOK "  - for_each: steps.look.output.networks\n    as: n\n"
               "    steps: [ { do: case.open, with: { title: \"${{ n.alias }}\" } } ]\n",
            "may_be_null", 0, 0 },
    };
    CHECK_ALL(cases);
}

static void types_go_together(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { ONLY("alert.severity_id + 'x'"), "expr_check", 0, 0 },
        { ONLY("alert.severity_id >= 'high'"), "expr_check", 0, 0 },
        { ONLY("alert.severity_id == 'high'"), "expr_check", 0, 0 },
        { ONLY("alert.severity_id == null"), NULL, 0, 0 },
        { ONLY("alert.severity_id == 3.0"), NULL, 0, 0 },
        { ONLY("'sshd' in alert.tags"), NULL, 0, 0 },
        { ONLY("5 in alert.tags"), "expr_check", 0, 0 },
        { ONLY("alert.tags + [1]"), NULL, 0, 0 },
        { ONLY("alert.count > 3 ? alert.count : 'few'"), NULL, 0, 0 },
        { "steps:\n  - if: alert.count\n    then: [ { wait: 1s } ]\n", "condition_type", 3, 9 },
        { "steps:\n  - while: alert.id\n    max: 3\n    steps: [ { wait: 1s } ]\n", "condition_type", 0, 0 },
        { "steps:\n  - for_each: alert.id\n    steps: [ { wait: 1s } ]\n", "loop_type", 0, 0 },
        { "steps:\n  - for_each: alert.finding_info\n    steps: [ { wait: 1s } ]\n", NULL, 0, 0 },
        { "steps:\n  - for_each: alert.tags\n    steps: [ { when: item > 3, wait: 1s } ]\n", "expr_check", 0,
            0 },
        { "steps:\n  - for_each: alert.observables\n    as: o\n    steps: [ { when: o.type_id > 3, wait: 1s "
          "} ]\n",
            NULL, 0, 0 },
        { "steps:\n  - for_each: alert.observables\n    as: o\n    steps: [ { when: o.tpye_id > 3, wait: 1s "
          "} ]\n",
            "no_such_field", 0, 0 },
        { "steps:\n  - for_each: \"{'a': 1}\"\n    as: o\n    steps: [ { when: o.value > 3 && o.key == 'a', "
          "wait: 1s "
          "} ]\n",
            NULL, 0, 0 },
        { "steps:\n  - switch: alert.count\n    cases: [ { when: it == 'a', steps: [ { wait: 1s } ] } ]\n",
            "expr_check", 0, 0 },
        { "steps:\n  - wait: { until: \"${{ alert.count }}\" }\n", "wrong_type", 0, 0 },
        { "steps:\n  - wait: { event: it.alert.severity_id > 3, timeout: 1h }\n", NULL, 0, 0 },
        { "steps:\n  - wait: { event: it.alert.severity, timeout: 1h }\n", "no_such_field", 0, 0 },
        { LOOK
            "  - do: nftables.block_ip\n    with: { ip: a }\n    for: \"${{ steps.look.output.score }}\"\n",
            "wrong_type", 0, 0 },
        { LOOK "  - do: nftables.block_ip\n    with: { ip: a }\n    for: 24h\n", NULL, 0, 0 },
        { ONLY("alert.?user"), "optional_value", 0, 0 },
        { "steps:\n  - set: { u: \"${{ alert.?user }}\" }\n" GIVE("vars.u"), "optional_value", 0, 0 },
    };
    CHECK_ALL(cases);
}

static void variables_have_what_their_assignments_share(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { "steps:\n  - set: { n: 1 }\n" GIVE("vars.n + 'x'"), "expr_check", 0, 0 },
        { "steps:\n  - set: { n: 1 }\n  - set: { n: x }\n" GIVE("vars.n + 'x'"), NULL, 0, 0 },
        { "steps:\n  - set: { n: 0 }\n  - while: vars.n < 3\n    max: 5\n"
          "    steps: [ { set: { n: \"${{ vars.n + 1 }}\" } } ]\n" GIVE("vars.n + 1"),
            NULL, 0, 0 },
        { "steps:\n  - set: { n: 0 }\n  - while: vars.n < 3\n    max: 5\n"
          "    steps: [ { set: { n: \"${{ vars.n + 1 }}\" } } ]\n" GIVE("vars.n + 'x'"),
            "expr_check", 0, 0 },
        { "steps:\n  - set: { a: { b: 1, c: x } }\n" GIVE("vars.a.d"), "no_such_field", 0, 0 },
        { "steps:\n  - set: { a: { b: 1 } }\n  - set: { a: { c: 1 } }\n" GIVE("vars.a.b"), "may_be_absent", 0,
            0 },
        { "steps:\n  - set: { a: { b: 1 } }\n  - set: { a: { b: 2, c: 1 } }\n" GIVE("vars.a.b"), NULL, 0, 0 },
        { "steps:\n  - set: { a: [] }\n  - set: { a: \"${{ vars.a + ['x'] }}\" }\n" GIVE("vars.a.size()"),
            NULL, 0, 0 },
        { LOOK "  - set: { net: \"${{ steps.look.output.networks }}\" }\n" GIVE("vars.net[0].ans"),
            "no_such_field", 0, 0 },
        { LOOK "  - set: { o: \"${{ steps.look.output }}\" }\n" GIVE("vars.o.scroe"), "no_such_field", 0, 0 },
        { "steps:\n  - id: all\n    for_each: alert.observables\n    as: o\n    steps: [ { wait: 1s } ]\n"
          "    collect: { kind: \"${{ o.type_id }}\", what: \"${{ o.value }}\" }\n" GIVE(
              "steps.all.output.map(x, x.kind + 1)"),
            NULL, 0, 0 },
        { "steps:\n  - id: all\n    for_each: alert.observables\n    as: o\n    steps: [ { wait: 1s } ]\n"
          "    collect: { kind: \"${{ o.type_id }}\", what: \"${{ o.value }}\" }\n" GIVE(
              "steps.all.output.map(x, x.knid)"),
            "no_such_field", 0, 0 },
        { "steps:\n  - id: ask\n    ask: { to: role:a, title: b, options: [yes_do, no_do] }\n" GIVE(
              "steps.ask.output.choice == 'yes'"),
            "never_equal", 0, 0 },
        { "steps:\n  - id: ask\n    ask: { to: role:a, title: b, form: { n: int, s: { type: string, "
          "required: false } "
          "} }\n" GIVE("steps.ask.output.form.n + 1"),
            NULL, 0, 0 },
        { "steps:\n  - id: ask\n    ask: { to: role:a, title: b, form: { n: int, s: { type: string, "
          "required: false } "
          "} }\n" GIVE("steps.ask.output.form.s"),
            "may_be_absent", 0, 0 },
        { "steps:\n  - id: ask\n    ask: { to: role:a, title: b, options: [c, d] }\n" GIVE(
              "steps.ask.output.form"),
            "unknown_output", 0, 0 },
        { "steps:\n  - id: call\n    run: helper\n    with: { ip: a }\n" GIVE("steps.call.output.blocked"),
            NULL, 0, 0 },
        { "steps:\n  - id: call\n    run: helper\n    with: { ip: a }\n" GIVE("steps.call.output.blokced"),
            "unknown_output", 0, 0 },
        { "steps:\n  - run: helper\n    with: { ip: \"${{ alert.count }}\" }\n", "wrong_field_type", 0, 0 },
        { "steps:\n  - id: loop\n    while: alert.count > 3\n    max: 3\n    steps: [ { wait: 1s } ]\n" GIVE(
              "steps.loop.output.exhausted && steps.loop.output.iterations > 2"),
            NULL, 0, 0 },
        { "out: { type: record, fields: { n: int } }\n" ONLY("{'n': 1}"), NULL, 0, 0 },
        { "out: { type: record, fields: { n: int } }\nsteps: [ { return: { m: 1 } } ]\n", "wrong_output", 0,
            0 },
        { "out: { type: record, fields: { n: int } }\nsteps: [ { return: { n: \"${{ alert.id }}\" } } ]\n",
            "wrong_output", 0, 0 },
        { "out: { type: record, fields: { n: int } }\nsteps: [ { return: { n: \"${{ alert.count }}\" } } ]\n",
            NULL, 0, 0 },
    };
    CHECK_ALL(cases);
}

static void names_hide_and_are_out_of_reach(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { ONLY("alert.tags.filter(alert, alert == 'x')"), "shadowed_name", 0, 0 },
        { ONLY("alert.tags.filter(it, it == 'x')"), NULL, 0, 0 },
        { ONLY("alert.tags.map(t, alert.tags.map(t, t))"), "shadowed_name", 0, 0 },
        { ONLY("alert.tags.map(t, t) + alert.tags.map(t, t)"), NULL, 0, 0 },
        { "steps:\n  - for_each: alert.tags\n    as: t\n    steps:\n      - for_each: alert.observables\n"
          "        as: t\n        steps: [ { when: t.type_id > 3, wait: 1s } ]\n",
            "shadowed_name", 0, 0 },
        { "triggers: [ { alert: vars.x > 3 } ]\n" ONLY("1"), "not_in_scope", 0, 0 },
        { "triggers: [ { alert: case.number > 3 } ]\n" ONLY("1"), "not_in_scope", 0, 0 },
        { "inputs: { a: { type: int, default: \"${{ run.version }}\" } }\n" ONLY("inputs.a"), "not_in_scope",
            0, 0 },
        { "inputs: { a: { type: int, default: 1 }, b: { type: int, default: \"${{ inputs.a + 1 }}\" } "
          "}\n" ONLY("inputs.b + inputs.a"),
            NULL, 0, 0 },
        { "inputs: { a: { type: int, default: \"${{ alert.id }}\" } }\n" ONLY("inputs.a"), "wrong_type", 0,
            0 },
        { "concurrency: { key: \"${{ steps.a.ok }}\" }\n" ONLY("1"), "not_in_scope", 0, 0 },
    };
    CHECK_ALL(cases);
}

#define RUN(expression) "  - do: ssh.run\n    with: { command: \"" expression "\" }\n"
#define SHELL(expression) "steps:\n" RUN("${{ " expression " }}")

static void text_from_outside_needs_its_encoder(void **state)
{
    (void)state;
    static const struct lint_case cases[] = {
        { SHELL("alert.finding_info.title"), "unsafe_sink", 4, 22 },
        { SHELL("'whois ' + alert.finding_info.title"), "unsafe_sink", 0, 0 },
        { SHELL("'whois ' + alert.observables[*].value.join(' ')"), "unsafe_sink", 0, 0 },
        { SHELL("'sleep ' + string(alert.observables[*].type_id.size())"), NULL, 0, 0 },
        { "steps:\n" RUN("whois ${{ alert.finding_info.title }}"), "unsafe_sink", 0, 0 },
        { "steps:\n" RUN("whois ${{ encode_shell(alert.finding_info.title) }}"), NULL, 0, 0 },
        { SHELL("'whois ' + encode_shell(alert.finding_info.title)"), NULL, 0, 0 },
        { SHELL("encode_shell(alert.finding_info.title).replace('a', 'b')"), "unsafe_sink", 0, 0 },
        { SHELL("encode_html(alert.finding_info.title)"), "unsafe_sink", 0, 0 },
        { SHELL("encode_shell(encode_html(alert.finding_info.title))"), NULL, 0, 0 },
        { SHELL("encode_html(encode_shell(alert.finding_info.title))"), "unsafe_sink", 0, 0 },
        { "steps:\n  - do: ssh.run\n    with: { command: ls, page: \"${{ encode_html(alert.id + event.x) "
          "}}\" }\n",
            NULL, 0, 0 },
        { SHELL("'sleep ' + string(alert.count)"), NULL, 0, 0 },
        { SHELL("alert.count > 3 ? 'ls' : 'df'"), NULL, 0, 0 },
        { SHELL("alert.count > 3 ? 'ls' : event.x"), "unsafe_sink", 0, 0 },
        { SHELL("alert.?user.?name.orValue('root')"), "unsafe_sink", 0, 0 },
        { SHELL("alert.tags[0]"), "unsafe_sink", 0, 0 },
        { SHELL("alert.tags.map(t, 'tag ' + t).join(' ')"), "unsafe_sink", 0, 0 },
        { SHELL("alert.tags.map(t, 'tag').join(' ')"), NULL, 0, 0 },
        { SHELL("alert.id"), NULL, 0, 0 },
        { "steps:\n  - do: ssh.run\n    with: \"${{ {'command': 'ls'} }}\"\n", NULL, 0, 0 },
        { SHELL("'static'"), NULL, 0, 0 },
        { "inputs: { a: string }\n" SHELL("inputs.a"), "unsafe_sink", 0, 0 },
        { "steps:\n  - set: { c: \"${{ event.x }}\" }\n" RUN("${{ vars.c }}"), "unsafe_sink", 0, 0 },
        { "steps:\n  - set: { c: ls }\n" RUN("${{ vars.c }}"), NULL, 0, 0 },
        { "steps:\n  - set: { c: \"${{ encode_shell(event.x) }}\" }\n" RUN("${{ vars.c }}"), NULL, 0, 0 },
        { LOOK RUN("${{ steps.look.output.?country.orValue('') }}"), "unsafe_sink", 0, 0 },
        { LOOK RUN("sleep ${{ steps.look.output.score }}"), NULL, 0, 0 },
        { "steps:\n  - id: c\n    do: case.open\n    with: { title: x }\n" RUN(
              "echo ${{ steps.c.output.title }}"),
            "unsafe_sink", 0, 0 },
        { "steps:\n  - id: c\n    do: case.open\n    with: { title: x }\n" RUN(
              "echo ${{ steps.c.output.id }}"),
            NULL, 0, 0 },
        { "steps:\n  - id: c\n    do: case.open\n    with: { title: x }\n"
          "  - set: { opened: \"${{ steps.c.output }}\" }\n" RUN("echo ${{ vars.opened.id }}"),
            NULL, 0, 0 },
        { SHELL("case.title"), "unsafe_sink", 0, 0 },
        { SHELL("case.id"), NULL, 0, 0 },
        { "steps:\n  - try: [ { wait: 1s } ]\n    catch:\n      - do: ssh.run\n"
          "        with: { command: \"${{ run.error.message }}\" }\n",
            "unsafe_sink", 0, 0 },
        { "steps:\n  - id: a\n    ask: { to: role:a, title: b, options: [ls, df] }\n" RUN(
              "${{ steps.a.output.choice }}"),
            NULL, 0, 0 },
        { "steps:\n  - id: a\n    ask: { to: role:a, title: b, form: { c: string } }\n" RUN(
              "${{ steps.a.output.form.c }}"),
            "unsafe_sink", 0, 0 },
        { "steps:\n  - for_each: alert.tags\n    as: t\n    steps:\n      - do: ssh.run\n"
          "        with: { command: \"${{ t }}\" }\n",
            "unsafe_sink", 0, 0 },
    };
    CHECK_ALL(cases);
}

/* The gate before a call looks at the values themselves, whatever the linter knew. */
static void the_gate_refuses_what_was_not_encoded(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;
        bool is_good;
    } cases[] = {
        { 0, true },
        { VALUE_OUTSIDE, false },
        { VALUE_OUTSIDE | VALUE_SAFE_FOR(SINK_SHELL), true },
        { VALUE_OUTSIDE | VALUE_SAFE_FOR(SINK_HTML), false },
        { VALUE_OUTSIDE | VALUE_SAFE_MASK, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value_map_builder map;
        struct err_info why = { 0 };
        struct value command = value_string(STR("ls"));
        command.flags = cases[i].flags;
        value_map_begin(&map, &arena);
        assert_int_equal(value_map_set(&map, "command", command, NULL), ERR_OK);
        enum err result = type_check_sinks(&run_in_type, value_map_end(&map), &why);
        assert_int_equal(result, cases[i].is_good ? ERR_OK : ERR_INVALID);
        if (result == ERR_INVALID) {
            assert_string_equal(why.name, "unsafe_sink");
            assert_non_null(strstr(why.text, "command"));
        }
    }
}

static void the_gate_looks_inside_lists_and_maps(void **state)
{
    (void)state;
    struct value plain = value_string(STR("ls")), marked = value_string(STR("who"));
    marked.flags = VALUE_OUTSIDE;
    const struct {
        struct value key, item;
        bool is_good;
    } cases[] = { { plain, plain, true }, { plain, marked, false }, { marked, plain, false } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value_map_builder inner, map;
        struct value items[2] = { plain };
        value_map_begin(&inner, &arena);
        assert_int_equal(value_map_add(&inner, cases[i].key, cases[i].item, NULL), ERR_OK);
        items[1] = value_map_end(&inner);
        value_map_begin(&map, &arena);
        assert_int_equal(value_map_set(&map, "command",
                             (struct value){ .type = VALUE_LIST, .size = 2, .items = items }, NULL),
            ERR_OK);
        assert_int_equal(type_check_sinks(&run_in_type, value_map_end(&map), NULL),
            cases[i].is_good ? ERR_OK : ERR_INVALID);
    }
}

/* Both of its sinks are reached by one expression. */
static void a_whole_mapping_reaches_each_sink_in_it(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    test_lint(STR("steps:\n  - do: ssh.run\n    with: \"${{ {'command': event.x} }}\"\n"), &arena, &found);
    assert_int_equal(found.count, 2);
    for (uint32_t i = 0; i < found.count; i++)
        assert_string_equal(found.items[i].code, "unsafe_sink");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_those_that_are_declared),
        cmocka_unit_test(literals_have_the_fields_that_stand_in_them),
        cmocka_unit_test(what_may_be_absent_is_tested_first),
        cmocka_unit_test(conditions_around_count),
        cmocka_unit_test(null_is_told_from_absent),
        cmocka_unit_test(null_is_seen_wherever_it_comes_from),
        cmocka_unit_test(types_go_together),
        cmocka_unit_test(variables_have_what_their_assignments_share),
        cmocka_unit_test(names_hide_and_are_out_of_reach),
        cmocka_unit_test(text_from_outside_needs_its_encoder),
        cmocka_unit_test(a_whole_mapping_reaches_each_sink_in_it),
        cmocka_unit_test(the_gate_refuses_what_was_not_encoded),
        cmocka_unit_test(the_gate_looks_inside_lists_and_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
